"""Learns a bundle's target encodings, and the out-of-fold values that training itself must use."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.bundles.encoder import Encoding

FOLDS: Final = 5
PRIOR: Final = 50.0
"""Rows' worth of the overall rate that every code leans on."""


def _table(column: int, codes: NDArray[np.int64], label: NDArray[np.bool_], weight: NDArray[np.float64]) -> Encoding:
    rate = float(np.average(label, weights=weight))
    unique, inverse = np.unique(codes, return_inverse=True)
    positives = np.bincount(inverse, weight * label)
    total = np.bincount(inverse, weight)
    p = (positives + PRIOR * rate) / (total + PRIOR)
    return Encoding(column, unique, np.log(p / (1 - p)).astype(np.float32), float(np.log(rate / (1 - rate))))


def learn(
    matrix: NDArray[np.float32], columns: tuple[int, ...], label: NDArray[np.bool_], weight: NDArray[np.float64]
) -> tuple[Encoding, ...]:
    """One encoding per category column, from all rows."""
    return tuple(_table(c, matrix[:, c].astype(np.int64), label, weight) for c in columns)


def out_of_fold(
    matrix: NDArray[np.float32], columns: tuple[int, ...], label: NDArray[np.bool_], weight: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The matrix with each category column encoded from the other folds, so that no row sees its own label.

    Folds are contiguous in time: repeats of one user or moment stay together.
    """
    out = matrix.copy()
    fold = np.arange(len(matrix)) * FOLDS // max(len(matrix), 1)
    for f in range(FOLDS):
        rest, here = fold != f, fold == f
        if not here.any() or label[rest].sum() == 0:
            continue
        for encoding in learn(matrix[rest], columns, label[rest], weight[rest]):
            out[here, encoding.column] = encoding.apply(matrix[here, encoding.column])
    return out
