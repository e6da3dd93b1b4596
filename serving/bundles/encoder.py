"""Turns identity codes into evidence: code → smoothed log-odds, learned out of fold (target encoding, Micci-Barreca 2001)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoding:
    """One category column. codes: sorted, below 2**24; values: log-odds of each; other: log-odds of a code never seen."""

    column: int
    codes: NDArray[np.int64]
    values: NDArray[np.float32]
    other: float

    def __post_init__(self) -> None:
        if len(self.codes) != len(self.values) or (np.diff(self.codes) <= 0).any():
            raise ValueError(f"encoding of column {self.column}: codes must rise and match their values")

    @cached_property
    def _table(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Codes and values with a last entry that no code reaches, so that every search lands on one."""
        return (
            np.append(self.codes, np.inf).astype(np.float32),  # codes are exact in float32, as they are in the matrix
            np.append(self.values, self.other).astype(np.float32),
        )

    def apply(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-odds of each code, shape (n,)."""
        known, values = self._table
        place = np.searchsorted(known[:-1], codes)
        return np.where(known[place] == codes, values[place], values[-1])


def encode(matrix: NDArray[np.float32], encodings: tuple[Encoding, ...]) -> NDArray[np.float32]:
    """A copy of the matrix with every category column replaced by its log-odds."""
    out = matrix.copy()
    for encoding in encodings:
        out[:, encoding.column] = encoding.apply(np.ascontiguousarray(matrix[:, encoding.column], np.float32))
    return out
