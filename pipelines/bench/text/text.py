"""`bench text`: how many good searches a spelling correction alters, and how many planted typing errors it mends.

The texts are made of public word lists (general_words.py). The catalogue has as many words as a small market's. Good searches hold words of
which it has none as well, and words that no dictionary has: a share of each language's words is taken out of the dictionary beforehand.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from pipelines.bench.text.typos import typo
from pipelines.errors import PipelineError
from pipelines.language.general_words import LANGUAGES, counted_words
from pipelines.operations.verb import Progress
from pipelines.reporting.figure import Figure, report
from serving.language.dictionary import Dictionary
from serving.language.spelling import Spelling

CATALOGUE: Final = 558
"""Words of the catalogue: as many as the demo's market has."""
UNLISTED: Final = 0.05
"""Share of the words that the dictionary is made to lack: names, models and what is newer than any list."""
SEARCHES, SMALL_SEARCHES = 3_000, 300
TYPOS, SMALL_TYPOS = 3_000, 300
COMMON: Final = (500, 15_000)
"""Ranks by frequency of the words that catalogues are made of."""
SEARCHED: Final = (500, 50_000)
"""Of those that people search with; each order of magnitude as likely as another."""
LEAST_LETTERS: Final = 5
"""Of a word that is mistyped: shorter ones are left alone on purpose (spelling.LEAST_LETTERS counts the letters that are left)."""
MOST_ALTERED: Final = 0.02
LEAST_MENDED: Final = 0.8


@dataclass(frozen=True)
class _Texts:
    """Of one language. catalogue: how often it uses each of its words. searches: good ones, of one to three words."""

    catalogue: dict[str, int]
    searches: list[list[str]]


def run(languages: Sequence[str], small: bool, seed: int, say: Progress) -> dict[str, Any]:
    """The bench's one object; figures by language. Raises PipelineError for a language without a list."""
    for language in languages:
        if language not in LANGUAGES:
            raise PipelineError("language", language, f"Lists are there of {', '.join(LANGUAGES)}.")
    started, rng, figures = time.perf_counter(), Random(seed), list[Figure]()
    counts = {language: counted_words(language) for language in LANGUAGES}
    ranked = {language: _ranked(counts[language]) for language in languages}
    unlisted = {word for language in languages for word in rng.sample(ranked[language], int(UNLISTED * len(ranked[language])))}
    dictionary = Dictionary.of([{w: n for w, n in words.items() if w not in unlisted} for words in counts.values()])
    for language in languages:
        texts = _texts(ranked[language], SMALL_SEARCHES if small else SEARCHES, rng)
        spelling = Spelling(texts.catalogue, dictionary)
        say(f"{language}: {len(texts.searches)} good searches, {len(texts.catalogue)} words of the catalogue")
        figures += _altered(language, texts, spelling)
        for name, any_letter in (("mended", False), ("mended_any_letter", True)):
            figures += _mended(f"{language}.{name}", texts, spelling, SMALL_TYPOS if small else TYPOS, any_letter, rng)
    setup = {
        "languages": list(languages), "catalogue_words": CATALOGUE, "unlisted": UNLISTED, "searches": SMALL_SEARCHES if small else SEARCHES,
        "typos": SMALL_TYPOS if small else TYPOS, "seed": seed, "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip
    return report("bench text", setup, figures)


def _ranked(counts: dict[str, int]) -> list[str]:
    """Words of two letters or more, the most frequent first, as many as are searched with."""
    words = [word for word in counts if len(word) > 1]
    return sorted(words, key=lambda word: (-counts[word], word))[: SEARCHED[1]]


def _texts(ranked: Sequence[str], searches: int, rng: Random) -> _Texts:
    known = rng.sample([word for word in ranked[slice(*COMMON)] if len(word) > 2], CATALOGUE)
    low, high = SEARCHED
    drawn = [ranked[min(int(low * (high / low) ** rng.random()), len(ranked) - 1)] for _ in range(3 * searches)]
    asked = [drawn[3 * i : 3 * i + rng.randint(1, 3)] for i in range(searches)]
    mixed = [[*words, rng.choice(known)] if rng.random() < 0.5 else words for words in asked]
    return _Texts({word: 2 + int(rng.paretovariate(0.8)) for word in known}, mixed)


def _altered(language: str, texts: _Texts, spelling: Spelling) -> list[Figure]:
    altered = sum(any(spelling.correct(word) != word for word in words) for words in texts.searches) / len(texts.searches)
    return [Figure(f"{language}.altered", round(altered, 4), "share of good searches", f"≤ {MOST_ALTERED:g}", altered <= MOST_ALTERED)]


def _mended(name: str, texts: _Texts, spelling: Spelling, typos: int, any_letter: bool, rng: Random) -> list[Figure]:
    """Of typing errors that make no other word of the catalogue; those that make a word of the dictionary count, though nobody can tell."""
    words = sorted(word for word in texts.catalogue if len(word) >= LEAST_LETTERS)
    planted = [(word, typo(word, rng, any_letter)) for word in rng.choices(words, k=typos)]
    read = [(word, typed, spelling.correct(typed)) for word, typed in planted if typed not in texts.catalogue]
    mended = sum(got == word for word, _, got in read) / len(read)
    astray = sum(got not in (word, typed) for word, typed, got in read) / len(read)
    aim = None if any_letter else f"≥ {LEAST_MENDED:g}"
    return [
        Figure(name, round(mended, 4), "share of typos", aim, mended >= LEAST_MENDED if aim else None),
        Figure(f"{name}_astray", round(astray, 4), "share of typos"),
    ]


def as_text(result: dict[str, Any]) -> list[str]:
    """A line a figure."""
    marks = {True: "[green]ok[/]", False: "[red]no[/]", None: "  "}
    return [f"{marks[f['holds']]} {f['name']:28} {f['value']:7.2%} {f['unit']}  {f['target'] or ''}" for f in result["figures"]]
