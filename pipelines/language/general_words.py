"""The words of whole languages, with how often films and books say them: the lists that pyspellchecker ships (MIT licence)."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import lru_cache
from importlib import resources
from typing import Final

from feature_repo.text import tokenise
from serving.language.dictionary import Dictionary

LANGUAGES: Final = ("en", "de", "es", "fr", "it")
"""Whose words are no misspellings, in any market: people search in the language that they think in."""


def counted_words(language: str) -> dict[str, int]:
    """How often each normalised word of a language, by its two-letter code, was counted; what holds more than letters is left out."""
    packed = resources.files("spellchecker").joinpath("resources", f"{language}.json.gz").read_bytes()
    out: Counter[str] = Counter()
    for word, count in json.loads(gzip.decompress(packed)).items():
        if word.isalpha():
            out[word.lower() if word.isascii() else "".join(tokenise(word))] += count
    return dict(out)


@lru_cache(maxsize=1)
def general_dictionary() -> Dictionary:
    """Of all LANGUAGES."""
    return Dictionary.of([counted_words(language) for language in LANGUAGES])
