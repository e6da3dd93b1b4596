"""Bounded importance weights."""

from __future__ import annotations

import numpy as np

from pipelines.evaluate.ope.feedback import Floats


def clip(chance: Floats, propensity: Floats, bound: float | None = None) -> tuple[Floats, float]:
    """chance / propensity, at most `bound`, and the share of their sum that this takes away.

    The default bound, the square root of the number of weights, is that of truncated importance sampling (Ionides, 2008): it
    tames the worst weights, and what it takes away vanishes as the log grows. inf: no bound.
    """
    weights = chance / propensity
    most = np.sqrt(len(weights)) if bound is None else bound
    kept, total = np.minimum(weights, most), float(weights.sum())
    return kept, 1 - float(kept.sum()) / total if total > 0 else 0.0
