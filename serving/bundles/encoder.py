"""Turns identity codes into evidence: what an identity, and those more general before it, add to the log-odds that all else foretells
(pipelines/rankers/encoding.py)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoding:
    """One category column. codes: sorted, below 2**24; values: the effect of each, log-odds; other: of a code never seen."""

    column: int
    codes: NDArray[np.int64]
    values: NDArray[np.float32]
    other: float

    def __post_init__(self) -> None:
        if len(self.codes) != len(self.values) or (np.diff(self.codes) <= 0).any() or (self.codes < 0).any():
            raise ValueError(f"encoding of column {self.column}: codes must rise from 0 and match their values")
        if not (np.isfinite(self.values).all() and np.isfinite(self.other)):
            raise ValueError(f"encoding of column {self.column}: every value must be finite")

    @cached_property
    def _place(self) -> NDArray[np.uint16] | NDArray[np.uint32]:
        """A table from code to the place of its value. Codes are hashes below 2**20, so a lookup in a table is ten times as fast as a
        search. The last place, which no code reaches, holds the value of codes that were never seen."""
        size = int(self.codes[-1]) + 2 if len(self.codes) else 1
        narrow = len(self.codes) < 2**16
        place = np.full(size, len(self.codes), np.uint16) if narrow else np.full(size, len(self.codes), np.uint32)
        place[self.codes] = np.arange(len(self.codes))
        return place

    @cached_property
    def _values(self) -> NDArray[np.float32]:
        return np.append(self.values, self.other).astype(np.float32)

    def apply(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """The effect of each code, shape (n,)."""
        return np.asarray(self._values.take(self._place.take(codes.astype(np.int64), mode="clip")))


def encode(matrix: NDArray[np.float32], encodings: tuple[Encoding, ...]) -> NDArray[np.float32]:
    """A copy of the matrix with every category column replaced by its effect and those of the columns before it, added up."""
    out, so_far = matrix.copy(), np.zeros(len(matrix), np.float32)
    for encoding in encodings:
        so_far = so_far + encoding.apply(matrix[:, encoding.column])
        out[:, encoding.column] = so_far
    return out


def evidence(encoded: NDArray[np.float32], encodings: tuple[Encoding, ...]) -> NDArray[np.float64]:
    """All effects together, (n,) log-odds: what the last encoded column says. Models start from it."""
    return encoded[:, encodings[-1].column].astype(np.float64) if encodings else np.zeros(len(encoded))
