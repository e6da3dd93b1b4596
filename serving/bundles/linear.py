"""A linear model as a bundle's weights: a JSON table. It scores a thousand rows in microseconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Linear:
    """Log-odds = bias + sum of weight × (clipped value − mean) / scale; every array has shape (k,).

    low, high: the range seen in training; a value outside counts as its nearer end, so that no outlier runs away with a score.
    """

    bias: float
    weight: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    file: ClassVar[str] = "linear.json"

    def __post_init__(self) -> None:
        arrays = (self.weight, self.mean, self.scale, self.low, self.high)
        if len({len(a) for a in arrays}) != 1 or not all(np.isfinite(a).all() for a in arrays) or not np.isfinite(self.bias):
            raise ValueError("weights must be finite and of one length")
        if (self.scale <= 0).any() or (self.low > self.high).any():
            raise ValueError("scales must be positive and ranges rising")

    @property
    def columns(self) -> int:
        return len(self.weight)

    def _parts(self, encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray((np.clip(encoded, self.low, self.high) - self.mean) * (self.weight / self.scale))

    def margin(self, encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds, shape (n,), of an encoded (n, k) matrix."""
        return np.asarray(self._parts(encoded).sum(axis=1) + self.bias)

    def contributions(self, encoded: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each column's share of the log-odds, exact, shape (n, k + 1); the last column is the bias."""
        return np.asarray(np.c_[self._parts(encoded), np.full(len(encoded), self.bias)], np.float32)

    def importance(self) -> NDArray[np.float64]:
        """Size of each standardised weight, shape (k,)."""
        return np.abs(self.weight)

    def save(self, path: Path) -> None:
        table = {"bias": self.bias} | {n: getattr(self, n).tolist() for n in ("weight", "mean", "scale", "low", "high")}
        path.write_text(json.dumps(table))

    @classmethod
    def load(cls, path: Path, threads: int) -> Linear:
        """Raises ValueError, KeyError or TypeError for a file that is none."""
        raw = json.loads(path.read_text())
        return cls(float(raw["bias"]), *(np.array(raw[n], np.float64) for n in ("weight", "mean", "scale", "low", "high")))
