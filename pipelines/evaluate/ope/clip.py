"""Bounded importance weights."""

from __future__ import annotations

import numpy as np

from pipelines.evaluate.ope.feedback import Floats


def clip(weights: Floats, bound: float | None = None) -> tuple[Floats, float]:
    """The importance weights (chance / propensity), at most `bound`, and the share of their sum that this takes away.

    The default bound, the square root of the number of weights, is that of truncated importance sampling (Ionides, 2008): it
    tames the worst weights, and what it takes away vanishes as the log grows. inf: no bound.

    Weights of 1 and 9, at most 4 each: 5 of their sum of 10 are left.

    >>> clip(np.array([1.0, 9.0]), bound=4)
    (array([1., 4.]), 0.5)
    """
    most = np.sqrt(len(weights)) if bound is None else bound
    kept, total = np.minimum(weights, most), float(weights.sum())
    return kept, 1 - float(kept.sum()) / total if total > 0 else 0.0
