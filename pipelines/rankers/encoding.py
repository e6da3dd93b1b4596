"""Learns what identities are worth, and the out-of-fold values that training itself must use.

Identities are nested random effects on the log-odds, the general before the particular, beside trees of everything that does not
tell ads apart: who sees an ad, where, when and for what query (generalised linear mixed effects, fitted in turns: Zhang et al. 2016,
GLMix). A plain rate would credit an ad for good places and for the people it was shown to. How far a column's identities differ
is what makes them likeliest; those with little evidence lean on the more general ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from serving.bundles.calibrator import probability
from serving.bundles.encoder import Encoding, encode, evidence

FOLDS: Final = 5
SMALL: Final = 2000
"""Positives below which trees stay shallow and few."""
TURNS: Final = 2
"""How often trees and effects are fitted in turn, each beside what the other has found."""
SWEEPS: Final = 8
"""How many rounds of Newton steps are made over all identity columns; by then the effects have settled."""
SPREADS: Final = (0.01, 2.0)
"""Least and most standard deviation of a column's effects."""
LONGEST_STEP: Final = 1.0
"""Log-odds that one Newton step may move an effect: few rows promise more than they keep."""


def folds(n: int) -> NDArray[np.int64]:
    """The fold of each of n rows: contiguous in time, so that repeats of one user or moment stay together."""
    return np.arange(n) * FOLDS // max(n, 1)


@dataclass(frozen=True)
class Encoded:
    """matrix: (n, k) float32 with evidence in place of identities (serving/bundles/encoder.py), each row's from rows of other folds.
    encodings: from all rows."""

    matrix: NDArray[np.float32]
    encodings: tuple[Encoding, ...]


def encoded(
    matrix: NDArray[np.float32], columns: tuple[int, ...], of_ad: tuple[int, ...], label: NDArray[np.bool_], offset: NDArray[np.float64],
    threads: int = 2,
) -> Encoded:  # fmt: skip
    """What every family trains on. columns: those of identities, the general before the particular. of_ad: those that tell ads apart,
    whoever sees them. offset: (n,) log-odds of each row's position."""
    known = np.zeros(len(label))
    found = Encoded(matrix.copy(), ())
    for _ in range(TURNS if columns else 0):
        margin = expected(matrix, (*columns, *of_ad), label, offset + known, threads) - known
        encodings, spreads = learn(matrix, columns, label, margin)
        found = Encoded(out_of_fold(matrix, columns, label, margin, spreads), encodings)
        known = evidence(found.matrix, encodings)
    return found


def expected(
    matrix: NDArray[np.float32], without: tuple[int, ...], label: NDArray[np.bool_], offset: NDArray[np.float64], threads: int = 2
) -> NDArray[np.float64]:
    """Log-odds that each row's offset and other columns foretell, (n,), by quickly grown trees of the other folds."""
    thin = label.sum() < SMALL
    settings = {
        "objective": "binary:logistic", "tree_method": "hist", "max_bin": 128, "max_depth": 2 if thin else 5, "eta": 0.2 if thin else 0.08,
        "min_child_weight": 1 if thin else 30, "subsample": 0.8, "colsample_bytree": 0.3 if thin else 0.5, "lambda": 1.0 if thin else 5.0,
        "seed": 7, "nthread": threads,
    }  # fmt: skip
    base = float(np.clip(label.mean(), 1e-6, 1 - 1e-6))
    start, settings["base_score"] = offset + np.log(base / (1 - base)), base
    others, fold = np.delete(matrix, without, axis=1), folds(len(label))
    out = np.asarray(start, np.float64).copy()
    for f in range(FOLDS if others.shape[1] else 0):
        rest, here = fold != f, fold == f
        if here.any() and label[rest].any():
            known = xgb.DMatrix(others[rest], label[rest], base_margin=start[rest])
            booster = xgb.train(settings, known, 25 if thin else 300)
            out[here] = booster.predict(xgb.DMatrix(others[here], base_margin=start[here]), output_margin=True)
    return out


def learn(
    matrix: NDArray[np.float32],
    columns: tuple[int, ...],
    label: NDArray[np.bool_],
    margin: NDArray[np.float64],
    spreads: Sequence[float] = (),
) -> tuple[tuple[Encoding, ...], tuple[float, ...]]:
    """An encoding of each category column, and the standard deviation of its effects: as given, or the likeliest.

    margin: (n,) log-odds by a model that knew neither a row's label nor its ad. Most likely effects by Newton steps, one column after
    another; the deviations by the marginal likelihood of what one step from where effects are would make of them.
    """
    met = [np.unique(matrix[:, column].astype(np.int64), return_inverse=True) for column in columns]
    effects, at = [np.zeros(len(codes)) for codes, _ in met], np.array(margin, np.float64)
    apart = list(spreads or np.full(len(columns), np.nan))
    for _ in range(SWEEPS):
        for i, (_, row) in enumerate(met):
            p = probability(at)
            pull, weight = (np.bincount(row, x, len(effects[i])) for x in (label - p, p * (1 - p)))
            weight = np.maximum(weight, 1e-9)
            if not spreads:
                apart[i] = _spread(effects[i] + pull / weight, 1 / weight)
            lean = apart[i] ** -2
            step = np.clip((pull - lean * effects[i]) / (weight + lean), -LONGEST_STEP, LONGEST_STEP)
            effects[i] += step
            at += step[row]
    found = zip(columns, met, effects, strict=True)
    return tuple(Encoding(column, codes, worth.astype(np.float32), 0.0) for column, (codes, _), worth in found), tuple(apart)


def _spread(seen: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
    """The maximum-likelihood standard deviation of effects that are normal around 0, where each was observed with normal noise of a known
    variance."""
    from scipy.optimize import minimize_scalar

    def loss(log_spread: float) -> float:
        variance = np.exp(2 * log_spread) + noise
        return float((np.log(variance) + seen**2 / variance).sum())

    return float(np.exp(minimize_scalar(loss, bounds=np.log(SPREADS), method="bounded").x))


def out_of_fold(
    matrix: NDArray[np.float32], columns: tuple[int, ...], label: NDArray[np.bool_], margin: NDArray[np.float64], spreads: Sequence[float]
) -> NDArray[np.float32]:
    """The matrix encoded from the other folds, so that no row sees its own label."""
    out = matrix.copy()
    fold = folds(len(matrix))
    for f in range(FOLDS):
        rest, here = fold != f, fold == f
        if here.any() and rest.any():
            out[here] = encode(matrix[here], learn(matrix[rest], columns, label[rest], margin[rest], spreads)[0])
    return out
