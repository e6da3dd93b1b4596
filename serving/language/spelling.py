"""Spelling correction on evidence: a word is left as it was typed unless it is known nowhere and one known word explains it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from symspellpy import SymSpell, Verbosity

from feature_repo.text import stem
from serving.language.dictionary import UNKNOWN, Dictionary
from serving.language.slip import NO, edits_within, slip

MOST_WORDS: Final = 20_000
"""Words that a correction may lead to: the most frequent."""
LEAST_LETTERS: Final = 4
"""A shorter word is left as it is."""
MOST_LETTERS: Final = 40
"""A longer one, too."""
LEAST_USES: Final = 2
"""Times that the catalogue and searches use a word before a correction leads to it."""
FAR_COMMONER: Final = 30
"""Times as often a word near a known one is used for the known one to be taken for a slip."""
CLEARER: Final = 4
"""Times as often the likeliest word is used as the next that is as near; else it is anybody's guess which was meant."""
RIVAL: Final = 3
"""Classes of frequency (Dictionary) by which a word that the catalogue lacks is commoner than the one it has, for the former to be as
likely what was meant."""
TWO_EDITS_FROM: Final = 8
"""Letters from which a word may be two edits away."""
RARE: Final = 8
"""The highest class of a word that is rare in its language."""
PART: Final = 4
"""Least letters of a part of a compound."""


class Spelling:
    """counts: how often each known word is used. dictionary: words of whole languages; without it nobody can tell an unknown word from a
    misspelt one, and nothing is corrected. offered: the known words that the catalogue has something for, which alone a correction may
    lead to; None for all. Symmetric deletes (Garbe 2012, by symspellpy). Thread-safe."""

    def __init__(self, counts: Mapping[str, int], dictionary: Dictionary | None = None, offered: Collection[str] | None = None) -> None:
        self._counts, self._dictionary = dict(counts), dictionary
        self._stems = frozenset(map(stem, counts))
        self._symspell = SymSpell(max_dictionary_edit_distance=2, prefix_length=7)
        often = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
        for word, count in often:
            if _spelt(word) and count >= LEAST_USES and (offered is None or word in offered):
                self._symspell.create_dictionary_entry(word, count)
        self._corrected = lru_cache(maxsize=65_536)(self._correct)
        self._slip = lru_cache(maxsize=65_536)(self._slipped)

    def known(self, word: str) -> bool:
        """Whether the catalogue or past searches have it, in any form."""
        return word in self._counts or stem(word) in self._stems

    def misspelt(self, word: str) -> bool:
        """Whether it is corrected, or is in no dictionary and one edit away from another word that is FAR_COMMONER: some buy keywords
        for how people misspell. Not where the two have one stem."""
        return self.correct(word) != word or bool(self._slip(word))

    def correct(self, word: str) -> str:
        """The known word that a normalised one is a slip of; the word itself when it is known, short, or holds a digit, or when nothing
        tells which was meant."""
        if self._dictionary is None or not _spelt(word) or len(word) > MOST_LETTERS or self.known(word):
            return word
        return str(self._corrected(word))

    def _correct(self, word: str) -> str:
        assert self._dictionary is not None
        if self._dictionary.knows(word) or self._compound(word):
            return word
        most = 2 if len(word) >= TWO_EDITS_FROM else 1
        near = self._symspell.lookup(word, Verbosity.CLOSEST, max_edit_distance=most)
        judged = [(slip(word, n.term) if n.distance == 1 else int(word[0] == n.term[0]), n) for n in near]
        best_kind = max((kind for kind, _ in judged), default=NO)
        likely = [n for kind, n in judged if kind == best_kind]
        if best_kind == NO or any(
            likely[0].count < CLEARER * other.count and stem(other.term) != stem(likely[0].term) for other in likely[1:]
        ):
            return word
        best = likely[0]
        return word if self._meant_another(word, best.term, best.distance) else str(best.term)

    def _meant_another(self, word: str, best: str, edits: int) -> bool:
        """Whether a word of the language that the catalogue lacks explains `word` as well as `best` does."""
        assert self._dictionary is not None
        others = edits_within(word)
        classes, own = self._dictionary.classes(others), int(self._dictionary.classes([best])[0])
        as_likely = np.flatnonzero(classes >= (own + RIVAL if edits == 1 else 0)) if own != UNKNOWN else np.flatnonzero(classes > RARE)
        return any(stem(others[i]) != stem(best) for i in as_likely.tolist())

    def _compound(self, word: str) -> bool:
        """Whether it is two known words written as one."""
        assert self._dictionary is not None
        cuts = [(word[:c], word[c:]) for c in range(PART, len(word) - PART + 1)]
        common = self._dictionary.classes([part for cut in cuts for part in cut]) > RARE
        both = common | np.array([part in self._counts for cut in cuts for part in cut], bool)
        return bool(both.reshape(-1, 2).all(axis=1).any())

    def _slipped(self, word: str) -> bool:
        often = self._counts.get(word, 0)
        if not often or not _spelt(word) or (self._dictionary is not None and self._dictionary.knows(word)):
            return False
        near = self._symspell.lookup(word, Verbosity.ALL, max_edit_distance=1)
        return any(n.count >= FAR_COMMONER * often and stem(n.term) != stem(word) for n in near)


def _spelt(word: str) -> bool:
    """Whether it is a word that one can misspell: long enough, and without a digit."""
    return len(word) >= LEAST_LETTERS and not any(c.isdigit() for c in word)
