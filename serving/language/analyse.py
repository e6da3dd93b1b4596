"""Reads a text that somebody searches for: its words, their right spelling, names in it, related terms, intent and categories."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise
from typing import Final

from feature_repo import request_words
from feature_repo.text import stem, tokenise
from serving.language.language import Language
from serving.record.query import NO_WORD_KNOWN, Query, Term

WORDS_READ: Final = 32
"""Of a query that are spelt right and looked for names; the others stay as they were typed."""
MOST_TERMS: Final = 8
"""Related terms that a query is widened by."""
SCRIPTS: Final = {
    "CYRILLIC": "ru", "GREEK": "el", "HEBREW": "he", "ARABIC": "ar", "HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh",
    "THAI": "th", "DEVANAGARI": "hi",
}  # fmt: skip
STOP_WORDS: Final = {
    name: frozenset(tokenise(words))
    for name, words in {
        "en": "the for and near how what best with cheap buy",
        "de": "der die das und für wie kaufen mit günstig beste",
        "fr": "le la les et pour acheter avec meilleur des comment",
        "es": "el los las para comprar con mejor barato cómo una",
        "it": "il gli per comprare con migliore economico come una della",
    }.items()
}


def analyse(text: str, language: Language | None, spoken: str = "") -> Query:
    """The query of a text. spoken: the asker's language, any tag of it, where nothing in the text says another."""
    return reader(language)(text, request_words.spoken(spoken))


@lru_cache(maxsize=2)  # the model that serves and the one it takes over from: an older one is let go, with all it has read
def reader(language: Language | None) -> Callable[[str, str], Query]:
    """`read` by one model, remembering the latest texts."""
    return lru_cache(maxsize=16_384)(partial(read, language))


def read(language: Language | None, text: str, spoken: str) -> Query:
    """See `analyse`; remembers nothing."""
    typed = tokenise(text)
    if language is None:
        return Query(text, " ".join(typed), tuple(typed), tuple(map(stem, typed)), _hint(text, typed, spoken), flags=("language_absent",))
    tokens = [*map(language.spelling.correct, typed[:WORDS_READ]), *typed[WORDS_READ:]]
    normalised, stems = " ".join(tokens), tuple(map(stem, tokens))
    known = any(map(language.spelling.known, tokens))
    reading = language.classifier.read(normalised if known else "")
    added = reading.added
    if tokens != typed:  # what was typed may as well be what was meant: its categories are kept beside those of the correction
        raised = dict(language.classifier.read(" ".join(typed)).added)
        raised |= {category: max(by, raised.get(category, 0.0)) for category, by in added}
        added = tuple(sorted(raised.items(), key=lambda item: (-item[1], item[0])))
    entities = language.gazetteer.find(" ".join(tokens[:WORDS_READ]))
    return Query(
        text, normalised, tuple(tokens), stems, _hint(text, tokens, spoken),
        corrections=tuple((a, b) for a, b in zip(typed, tokens, strict=True) if a != b), entities=entities,
        expanded=_related(language, stems, [e.text for e in entities]), commercial=reading.commercial,
        categories=reading.categories if known else (), added=added, intent=reading.intent,
        intent_probability=reading.intent_probability, flags=() if known else (NO_WORD_KNOWN,),
    )  # fmt: skip


def _related(language: Language, stems: tuple[str, ...], names: list[str]) -> tuple[Term, ...]:
    """Related terms of the query's words, word pairs and names, the weightiest first; none that the query already says."""
    said, read = set(stems), stems[:WORDS_READ]
    keys = [*read, *(f"{a} {b}" for a, b in pairwise(read)), *(" ".join(stem(w) for w in n.split()) for n in names)]
    found: dict[str, Term] = {}
    for key in dict.fromkeys(keys):
        for term in language.related.get(key, ()):
            have = found.get(term.text)
            if {stem(w) for w in term.text.split()} - said and (have is None or have.weight < term.weight):
                found[term.text] = term
    return tuple(sorted(found.values(), key=lambda t: (-t.weight, t.text))[:MOST_TERMS])


def _hint(text: str, tokens: list[str], spoken: str) -> str:
    """The language that the script or the stop words point to; else the asker's."""
    for letter in text[:200]:
        if letter.isalpha() and not letter.isascii():
            script = unicodedata.name(letter, "").split(" ")[0]
            if script in SCRIPTS:
                return SCRIPTS[script]
    counts = {name: len(words & set(tokens)) for name, words in STOP_WORDS.items()}
    best = max(counts, key=lambda name: (counts[name], name == spoken))
    return best if counts[best] else spoken
