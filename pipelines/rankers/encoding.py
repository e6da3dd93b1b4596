"""Learns a bundle's encodings of identities, and the out-of-fold values that training itself must use.

An identity counts for what nothing else foretells: its outcomes over those that a model of the other columns expects of its rows
(a random effect, fitted in one step). A plain rate would credit an ad for good places and for the people it was shown to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from serving.bundles.encoder import Encoding

FOLDS: Final = 5
SMALL: Final = 2000
"""Positives below which trees stay shallow and few."""
PRIOR: Final = 5.0
"""Expected outcomes' worth of "as expected" that every code leans on."""


def folds(n: int) -> NDArray[np.int64]:
    """The fold of each of n rows: contiguous in time, so that repeats of one user or moment stay together."""
    return np.arange(n) * FOLDS // max(n, 1)


def _table(column: int, codes: NDArray[np.int64], label: NDArray[np.bool_], expected: NDArray[np.float64]) -> Encoding:
    unique, inverse = np.unique(codes, return_inverse=True)
    came, due = np.bincount(inverse, label), np.bincount(inverse, expected)
    return Encoding(column, unique, np.log((came + PRIOR) / (due + PRIOR)).astype(np.float32), 0.0)


@dataclass(frozen=True)
class Encoded:
    """matrix: (n, k) float32 with evidence in place of identities, each row's from rows of other folds. encodings: from all rows."""

    matrix: NDArray[np.float32]
    encodings: tuple[Encoding, ...]


def encoded(
    matrix: NDArray[np.float32], columns: tuple[int, ...], label: NDArray[np.bool_], offset: NDArray[np.float64], threads: int = 2
) -> Encoded:
    """What every family trains on. columns: those of identities. offset: (n,) log-odds of each row's position."""
    due = expected(matrix, columns, label, offset, threads)
    return Encoded(out_of_fold(matrix, columns, label, due), learn(matrix, columns, label, due))


def expected(
    matrix: NDArray[np.float32], columns: tuple[int, ...], label: NDArray[np.bool_], offset: NDArray[np.float64], threads: int = 2
) -> NDArray[np.float64]:
    """What each row's other columns foretell, by quickly grown trees of the other folds: identities are encoded by what is left."""
    thin = label.sum() < SMALL
    settings = {
        "objective": "binary:logistic", "tree_method": "hist", "max_bin": 128, "max_depth": 2 if thin else 5, "eta": 0.2 if thin else 0.08,
        "min_child_weight": 1 if thin else 30, "subsample": 0.8, "colsample_bytree": 0.3 if thin else 0.5, "lambda": 1.0 if thin else 5.0,
        "seed": 7, "nthread": threads,
    }  # fmt: skip
    base = float(np.clip(label.mean(), 1e-6, 1 - 1e-6))
    start, settings["base_score"] = offset + np.log(base / (1 - base)), base
    others, fold = np.delete(matrix, columns, axis=1), folds(len(label))
    out = np.full(len(label), label.mean())
    for f in range(FOLDS):
        rest, here = fold != f, fold == f
        if here.any() and label[rest].any():
            known = xgb.DMatrix(others[rest], label[rest], base_margin=start[rest])
            booster = xgb.train(settings, known, 25 if thin else 300)
            out[here] = booster.predict(xgb.DMatrix(others[here], base_margin=start[here]))
    return out


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
