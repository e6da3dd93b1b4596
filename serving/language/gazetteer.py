"""Known names in a query: brands, products, locations and categories of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ahocorasick_rs import AhoCorasick, MatchKind

from serving.record.query import Entity

KINDS: Final = ("brand", "product", "location", "category")
"""In order of precedence for a name that is several things."""


class Gazetteer:
    """entries: (normalised name, kind, key). Aho-Corasick (1975, by ahocorasick-rs), whole words, the longest name first."""

    def __init__(self, entries: Sequence[tuple[str, str, str]]) -> None:
        best: dict[str, tuple[str, str, str]] = {}
        for entry in sorted(entries, key=lambda e: (e[0], KINDS.index(e[1]), e[2])):
            best.setdefault(entry[0], entry)
        self._entries = [e for e in best.values() if e[0]]
        # A space at either end of name and text: only whole words match, and the longest of those that begin alike.
        self._automaton = AhoCorasick([f" {e[0]} " for e in self._entries], matchkind=MatchKind.LeftmostLongest)

    def find(self, normalised: str) -> tuple[Entity, ...]:
        """The names in a normalised text of words and single spaces, by place; they do not overlap."""
        out, start, text = [], 0, f" {normalised} "
        while start < len(text) - 1:
            found = self._automaton.find_matches_as_indexes(text[start:])
            if not found:
                break
            number, begin, end = found[0]
            name, kind, key = self._entries[number]
            at = start + begin  # of the space before the name, which the padding moved one to the right
            out.append(Entity(name, kind, key, at, at + len(name)))
            start += end - 1  # the space after a name may stand before the next
        return tuple(out)
