"""What a search asks for: one typed value, made once a request and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entity:
    """A known thing named in the query. kind: brand, product, location or category; key: its name in the catalogue or taxonomy;
    start, end: where it stands in Query.normalised, in characters."""

    text: str
    kind: str
    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase the searcher may as well have used. weight in (0, 1]; origin: `clicks` or `embedding`."""

    text: str
    weight: float
    origin: str


NO_WORD_KNOWN: Final = "no_word_known"
"""The flag of a query of which neither the catalogue nor past searches have a word."""


@dataclass(frozen=True, slots=True)
class Query:
    """original: as sent. normalised: the words as they are read, spelling corrected. tokens: its words in order; stems: one for each.

    corrections: (as written, as read). entities: longest first where they would overlap, then by place. commercial: P(wants to
    buy), in [0, 1]. categories: (taxonomy category, probability), likeliest first. added: (taxonomy category, by how much the words raise
    its probability above that of a text that says nothing), the most first; none where no word is known, and in records before version 8.
    intent: of taxonomy.INTENTS, with its probability. language: a hint, "" when nothing tells. flags: defaults that were used and why.
    """

    original: str
    normalised: str
    tokens: tuple[str, ...]
    stems: tuple[str, ...]
    language: str = ""
    corrections: tuple[tuple[str, str], ...] = ()
    entities: tuple[Entity, ...] = ()
    expanded: tuple[Term, ...] = ()
    commercial: float = 0.5
    categories: tuple[tuple[str, float], ...] = ()
    intent: str = "transactional"
    intent_probability: float = 0.0
    flags: tuple[str, ...] = ()
    added: tuple[tuple[str, float], ...] = ()
