"""Keywords as arrays: looked up by a code of their words, exact and phrase ones whole, broad ones by their rarest word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import MATCH_TYPES
from feature_repo.text import hash_words

EXACT, PHRASE, BROAD = (MATCH_TYPES.index(kind) for kind in ("exact", "phrase", "broad"))
NOBODY: Final = -1
SETS: Final = 32
"""Of words that a broad row is compared with at once."""
PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
ONE: Final = np.uint64(1)
LOW: Final = (1 << 64) - 1
Codes = NDArray[np.uint64]
Rows = NDArray[np.int64]


def sequence_codes(words: Codes, lengths: NDArray[np.integer]) -> Codes:
    """A code for each row's words in order, (n, w) → (n,)."""
    out = np.zeros(len(words), np.uint64)
    for j in range(words.shape[1]):
        out = np.where(j < lengths, (out ^ words[:, j]) * PRIME + ONE, out)
    return out


def bag_codes(words: Codes, lengths: NDArray[np.integer]) -> Codes:
    """A code for each row's words in any order."""
    mixed = (words ^ (words >> np.uint64(29))) * PRIME
    return np.asarray(np.where(np.arange(words.shape[1]) < lengths[:, None], mixed, np.uint64(0)).sum(axis=1, dtype=np.uint64))


def runs_of(words: Sequence[int], most: int) -> list[list[int]]:
    """The sequence_codes of every run of 1, 2, ..., `most` of one text's words. In plain numbers: arrays cost more of so few."""
    prime, out, now = int(PRIME), list[list[int]](), [0] * len(words)
    for n in range(min(len(words), most)):
        now = [(before ^ word) * prime + 1 & LOW for before, word in zip(now, words[n:], strict=False)]
        out.append(now)
    return out


def bag_of(words: Sequence[int]) -> int:
    """The bag_codes of one text."""
    prime = int(PRIME)
    return sum((word ^ word >> 29) * prime for word in words) & LOW


def padded(rows: Sequence[Sequence[str]]) -> tuple[Codes, NDArray[np.int8]]:
    """Codes of each row's words, (n, the most that a row has), and how many it has."""
    lengths = np.array([len(r) for r in rows], np.int64)
    out = np.zeros((len(rows), int(lengths.max(initial=1))), np.uint64)
    if lengths.sum():
        at = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        out[np.repeat(np.arange(len(rows)), lengths), at] = hash_words([w for r in rows for w in r])
    return out, lengths.astype(np.int8)


def arrays_of(
    prefix: str, words: Codes, lengths: NDArray[np.int8], kind: NDArray[np.int8], bid: Rows
) -> tuple[dict[str, np.ndarray], Rows]:
    """One table's arrays, and the order in which its rows lie: by match type, then by what they are looked up by, then by bid. words: of
    each row what its match type compares, (n, w)."""
    used = np.arange(words.shape[1]) < lengths[:, None]
    vocabulary, inverse, counts = np.unique(words[used], return_inverse=True, return_counts=True)
    number = np.full(words.shape, NOBODY, np.int32)
    number[used] = inverse
    many = np.full(words.shape, np.iinfo(np.int64).max)
    many[used] = counts[inverse]
    rarest = np.take_along_axis(number, np.argmin(many, axis=1)[:, None], axis=1)[:, 0] if len(words) else np.empty(0, np.int32)
    sequence, bag = sequence_codes(words, lengths), bag_codes(words, lengths)
    key = np.select([kind == EXACT, kind == PHRASE], [bag, sequence], rarest.astype(np.uint64))
    order = np.lexsort((-bid, key, kind))
    bounds = np.searchsorted(kind[order], np.arange(len(MATCH_TYPES) + 1))
    broad = order[bounds[BROAD] :]
    arrays = {
        f"{prefix}.vocabulary": vocabulary, f"{prefix}.bounds": bounds, f"{prefix}.key": key[order][: bounds[BROAD]],
        f"{prefix}.sequence": sequence[order], f"{prefix}.words": number[broad],
        f"{prefix}.words_from": bounds[BROAD] + np.searchsorted(rarest[broad], np.arange(len(vocabulary) + 1)),
    }  # fmt: skip
    return arrays, order


class Table:
    """One table of the index: bought keywords, or negatives."""

    def __init__(self, arrays: Mapping[str, np.ndarray], prefix: str) -> None:
        self.vocabulary, self._words, self._from = (arrays[f"{prefix}.{n}"] for n in ("vocabulary", "words", "words_from"))
        self.sequence = arrays[f"{prefix}.sequence"]
        self.exact, self.phrase, self.broad, self.end = (int(b) for b in arrays[f"{prefix}.bounds"])
        self._longest = int((self._words != NOBODY).any(axis=0).sum())
        key = arrays[f"{prefix}.key"]
        self._bags, self._sequences = key[: self.phrase], key[self.phrase : self.broad]

    def numbers(self, words: Codes) -> Rows:
        """Vocabulary numbers, ascending, of those of the words (ascending) that any row has."""
        return np.searchsorted(self.vocabulary, words[self.has(words)])

    def has(self, words: Codes) -> NDArray[np.bool_]:
        """Which of the words any row has."""
        return among(self.vocabulary, words)

    def exact_rows(self, bags: Codes, most: int) -> Rows:
        """Exact rows of these units in any order."""
        return _equal(self._bags, bags, most)

    def phrase_rows(self, runs: Codes, most: int) -> Rows:
        """Phrase rows that are one of the runs."""
        return _equal(self._sequences, runs, most) + self.phrase

    def broad_rows(self, words: Codes, most: int, more: Sequence[Codes] = ()) -> tuple[Rows, NDArray[np.unsignedinteger]]:
        """Rows of broad keywords all of whose words are among `words`, or among `words` and those of one of the sets in `more` (the first
        31 sets count). About `most` rows are looked at. For each row also a number with one bit for every set that completes it; the lowest
        bit stands for `words` alone."""
        more = more[: SETS - 1]
        numbers = [self.numbers(words), *map(self.numbers, more)]
        every = (1 << len(numbers)) - 1
        met = np.zeros(len(self.vocabulary) + 1, np.min_scalar_type(every))
        for i, them in enumerate(numbers[1:], 1):
            met[them] |= 1 << i
        met[numbers[0]] = met[NOBODY] = every
        read = np.unique(np.concatenate(numbers)) if more else numbers[0]
        if len(read) == 0:
            return np.empty(0, np.int64), met[:0]
        start = self._from[read]
        rows = spread(start, np.minimum(self._from[read + 1] - start, max(most // len(read), 1)))
        left = np.full(len(rows), every, met.dtype)
        for place in range(self._longest):  # few rows outlive the first words
            left &= met[self._words[rows - self.broad, place]]
            stays = np.flatnonzero(left)
            rows, left = rows[stays], left[stays]
        return rows, left


def spread(start: Rows, count: Rows) -> Rows:
    """start, start + 1, ..., of each `count` numbers."""
    at = np.arange(int(count.sum()), dtype=np.int64)
    if not len(at):  # of most texts no keyword of a kind is found
        return at
    return np.asarray(at + np.repeat(start - (np.cumsum(count) - count), count))


def among(ascending: Codes, wanted: Codes) -> NDArray[np.bool_]:
    """Which of the wanted codes are among the others."""
    if len(ascending) == 0:
        return np.zeros(len(wanted), bool)
    return np.asarray(ascending[np.minimum(ascending.searchsorted(wanted), len(ascending) - 1)] == wanted)


def _equal(ascending: Codes, wanted: Codes, most: int) -> Rows:
    """Places of the values that are wanted, each of those once; each value's first `most`."""
    start = ascending.searchsorted(wanted)
    return spread(start, np.minimum(ascending.searchsorted(wanted, side="right") - start, most))
