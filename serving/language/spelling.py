"""Spelling correction against the words that the catalogue and past queries use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from symspellpy import SymSpell, Verbosity

from feature_repo.text import stem

MOST_WORDS: Final = 20_000
"""Words that a correction may lead to: the most frequent."""
LEAST_LETTERS: Final = 4
"""A shorter word is left as it is."""
FAR_COMMONER: Final = 30
"""Times as often a word near a known one is used for the known one to be taken for a slip."""
TWO_EDITS_FROM: Final = 7
"""Letters from which a word may be two edits away."""


class Spelling:
    """counts: how often each known word is used. Symmetric deletes (Garbe 2012, by symspellpy). Thread-safe."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = dict(counts)
        self._symspell = SymSpell(max_dictionary_edit_distance=2, prefix_length=7)
        for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]:
            if _spelt(word):
                self._symspell.create_dictionary_entry(word, count)
        self._corrected = lru_cache(maxsize=65_536)(self._correct)
        self._slip = lru_cache(maxsize=65_536)(self._slipped)

    def known(self, word: str) -> bool:
        return word in self._counts

    def misspelt(self, word: str) -> bool:
        """Whether it is unknown and close to a known word, or one edit away from another word that is FAR_COMMONER: some buy
        keywords for how people misspell. Not where the two have one stem."""
        return self.correct(word) != word or bool(self._slip(word))

    def correct(self, word: str) -> str:
        """The likeliest known word near a normalised one; the word itself when it is known, short, or holds a digit."""
        if word in self._counts or len(word) > 40 or not _spelt(word):
            return word
        return str(self._corrected(word))

    def _correct(self, word: str) -> str:
        most = 2 if len(word) >= TWO_EDITS_FROM else 1
        found = self._symspell.lookup(word, Verbosity.TOP, max_edit_distance=most)
        return found[0].term if found else word

    def _slipped(self, word: str) -> bool:
        often = self._counts.get(word, 0)
        if not often or not _spelt(word):
            return False
        near = self._symspell.lookup(word, Verbosity.ALL, max_edit_distance=1)
        return any(n.count >= FAR_COMMONER * often and stem(n.term) != stem(word) for n in near)


def _spelt(word: str) -> bool:
    """Whether it is a word that one can misspell: long enough, and without a digit."""
    return len(word) >= LEAST_LETTERS and not any(c.isdigit() for c in word)
