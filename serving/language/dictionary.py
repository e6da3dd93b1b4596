"""Words of whole languages, whoever advertises: what is in them is no misspelling, however rare it is in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.text import hash_words

_CLASS: Final = np.uint64(255)
"""The bits of a code that hold the class."""
UNKNOWN: Final = -1
"""The class of a word that is not in the dictionary."""


class Dictionary:
    """codes: ascending, (n,) uint64: of each word, its hash in the upper 56 bits and its class of frequency in the lower 8. The class is
    the base-2 logarithm of how often the word was counted, rounded down. Memory-mapped with the model that holds it. Thread-safe."""

    def __init__(self, codes: NDArray[np.uint64]) -> None:
        if codes.ndim != 1 or codes.dtype != np.uint64:
            raise ValueError(f"codes {codes.dtype} {codes.shape}: uint64 of one dimension is needed")
        self.codes = codes

    @classmethod
    def of(cls, counts: Sequence[Mapping[str, int]]) -> Dictionary:
        """counts: how often each normalised word was counted, one mapping a language; a word of several is of its highest class."""
        codes = [np.empty(0, np.uint64)]
        for words in counts:
            often = np.maximum(np.fromiter(words.values(), np.float64, len(words)), 1)
            codes.append(hash_words(list(words)) & ~_CLASS | np.floor(np.log2(often)).astype(np.uint64))
        ascending = np.unique(np.concatenate(codes))
        return cls(ascending[np.append(np.diff(ascending & ~_CLASS) != 0, True)[: len(ascending)]])

    def __len__(self) -> int:
        return len(self.codes)

    def classes(self, words: Sequence[str]) -> NDArray[np.int64]:
        """The class of frequency of each normalised word, (n,), UNKNOWN where the dictionary does not have it."""
        if not len(self.codes) or not words:
            return np.full(len(words), UNKNOWN, np.int64)
        hashes = hash_words(words) & ~_CLASS
        found = self.codes[np.minimum(np.searchsorted(self.codes, hashes), len(self.codes) - 1)]
        return np.where(found & ~_CLASS == hashes, (found & _CLASS).astype(np.int64), UNKNOWN)

    def knows(self, word: str) -> bool:
        return bool(self.classes([word])[0] != UNKNOWN)
