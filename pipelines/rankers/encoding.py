"""Learns a bundle's encodings of identities, and the out-of-fold values that training itself must use.

An identity counts for what nothing else foretells: its outcomes over those that a model of who saw the ads, where and for what
query expects of its rows, and that the identities before it, more general ones, account for (nested random effects, fitted in
one pass). A plain rate would credit an ad for good places and for the people it was shown to.
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
LEANING: Final = (0.5, 400.0)
"""Least and most expected outcomes' worth of "as expected" that the codes of a column lean on."""


def folds(n: int) -> NDArray[np.int64]:
    """The fold of each of n rows: contiguous in time, so that repeats of one user or moment stay together."""
    return np.arange(n) * FOLDS // max(n, 1)


def _leaning(came: NDArray[np.float64], due: NDArray[np.float64]) -> float:
    """How much a column's codes lean on "as expected": the shape of the gamma that their ratios are drawn from, by its likelihood
    (a negative binomial one, marginally; DuMouchel 1999)."""
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    def loss(log_shape: float) -> float:
        shape = np.exp(log_shape)
        each = gammaln(came + shape) - gammaln(shape) + shape * log_shape - (came + shape) * np.log(due + shape)
        return -float(each.sum())

    return float(np.exp(minimize_scalar(loss, bounds=np.log(LEANING), method="bounded").x))


def _encoding(column: int, codes: NDArray[np.int64], label: NDArray[np.bool_], due: NDArray[np.float64]) -> Encoding:
    unique, inverse = np.unique(codes, return_inverse=True)
    came, foretold = (np.bincount(inverse, outcomes).astype(np.float64) for outcomes in (label, due))
    prior = _leaning(came, foretold)
    return Encoding(column, unique, np.log((came + prior) / (foretold + prior)).astype(np.float32), 0.0)


@dataclass(frozen=True)
class Encoded:
    """matrix: (n, k) float32 with evidence in place of identities, each row's from rows of other folds. encodings: from all rows."""

    matrix: NDArray[np.float32]
    encodings: tuple[Encoding, ...]


def encoded(
    matrix: NDArray[np.float32], columns: tuple[int, ...], of_ad: tuple[int, ...], label: NDArray[np.bool_], offset: NDArray[np.float64],
    threads: int = 2,
) -> Encoded:  # fmt: skip
    """What every family trains on. columns: those of identities, the general before the particular. of_ad: those that tell ads apart,
    whoever sees them. offset: (n,) log-odds of each row's position."""
    due = expected(matrix, (*columns, *of_ad), label, offset, threads)
    return Encoded(out_of_fold(matrix, columns, label, due), learn(matrix, columns, label, due))


def expected(
    matrix: NDArray[np.float32], without: tuple[int, ...], label: NDArray[np.bool_], offset: NDArray[np.float64], threads: int = 2
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
    others, fold = np.delete(matrix, without, axis=1), folds(len(label))
    out = np.asarray(1 / (1 + np.exp(-start)), np.float64)
    for f in range(FOLDS if others.shape[1] else 0):
        rest, here = fold != f, fold == f
        if here.any() and label[rest].any():
            known = xgb.DMatrix(others[rest], label[rest], base_margin=start[rest])
            booster = xgb.train(settings, known, 25 if thin else 300)
            out[here] = booster.predict(xgb.DMatrix(others[here], base_margin=start[here]))
    return out


def learn(
    matrix: NDArray[np.float32], columns: tuple[int, ...], label: NDArray[np.bool_], expected: NDArray[np.float64]
) -> tuple[Encoding, ...]:
    """One encoding per category column, from all rows, each of what those before it leave. expected: (n,) probabilities by a model
    that knew neither a row's label nor its ad."""
    out, due = [], expected
    for column in columns:
        found = _encoding(column, matrix[:, column].astype(np.int64), label, due)
        due = due * np.exp(found.apply(matrix[:, column]))
        out.append(found)
    return tuple(out)


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
