"""Learns a bundle's encodings of identities, and the out-of-fold values that training itself must use.

An identity counts for what nothing else foretells: its outcomes over those that a model of the other columns expects of its rows
(a random effect, fitted in one step). A plain rate would credit an ad for good places and for the people it was shown to.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.bundles.encoder import Encoding

FOLDS: Final = 5
PRIOR: Final = 5.0
"""Expected outcomes' worth of "as expected" that every code leans on."""


def folds(n: int) -> NDArray[np.int64]:
    """The fold of each of n rows: contiguous in time, so that repeats of one user or moment stay together."""
    return np.arange(n) * FOLDS // max(n, 1)


def _table(column: int, codes: NDArray[np.int64], label: NDArray[np.bool_], expected: NDArray[np.float64]) -> Encoding:
    unique, inverse = np.unique(codes, return_inverse=True)
    came, due = np.bincount(inverse, label), np.bincount(inverse, expected)
    return Encoding(column, unique, np.log((came + PRIOR) / (due + PRIOR)).astype(np.float32), 0.0)


def learn(
    matrix: NDArray[np.float32], columns: tuple[int, ...], label: NDArray[np.bool_], expected: NDArray[np.float64]
) -> tuple[Encoding, ...]:
    """One encoding per category column, from all rows. expected: (n,) probabilities by a model that knew neither a row's label nor
    the category columns."""
    return tuple(_table(c, matrix[:, c].astype(np.int64), label, expected) for c in columns)


def out_of_fold(
    matrix: NDArray[np.float32], columns: tuple[int, ...], label: NDArray[np.bool_], expected: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The matrix with each category column encoded from the other folds, so that no row sees its own label."""
    out = matrix.copy()
    fold = folds(len(matrix))
    for f in range(FOLDS):
        rest, here = fold != f, fold == f
        if not here.any():
            continue
        for encoding in learn(matrix[rest], columns, label[rest], expected[rest]):
            out[here, encoding.column] = encoding.apply(matrix[here, encoding.column])
    return out
