"""Turns identity codes into evidence: code → smoothed log-odds, learned out of fold (target encoding, Micci-Barreca 2001)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoding:
    """One category column. codes: sorted; values: log-odds of each; other: log-odds of a code never seen."""

    column: int
    codes: NDArray[np.int64]
    values: NDArray[np.float32]
    other: float

    def apply(self, codes: NDArray[np.floating]) -> NDArray[np.float32]:
        """Log-odds of each code, shape (n,)."""
        if len(self.codes) == 0:
            return np.full(len(codes), self.other, np.float32)
        wanted = codes.astype(np.int64)
        place = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
        return np.where(self.codes[place] == wanted, self.values[place], np.float32(self.other)).astype(np.float32)


def encode(matrix: NDArray[np.float32], encodings: tuple[Encoding, ...]) -> NDArray[np.float32]:
    """A copy of the matrix with every category column replaced by its log-odds."""
    out = matrix.copy()
    for encoding in encodings:
        out[:, encoding.column] = encoding.apply(matrix[:, encoding.column])
    return out
