"""Effective sample size: how many equally weighted rows would tell as much as these weighted ones."""

from __future__ import annotations

from pipelines.evaluate.ope.feedback import Floats


def effective_sample_size(weights: Floats) -> float:
    """(Σw)² / Σw² (Kish, 1965; Kong, 1992): n for equal weights, 1 when one row carries all, 0 when none does. weights: shape (n,).

    Weights of 3 and 1 tell as much as 4² / (9 + 1) = 1.6 rows.

    >>> import numpy as np
    >>> effective_sample_size(np.array([3.0, 1.0]))
    1.6
    """
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
