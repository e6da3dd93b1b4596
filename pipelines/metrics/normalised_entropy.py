"""Normalised entropy: log loss over that of always predicting the base rate (He et al. 2014)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics.log_loss import log_loss


def entropy(base: Any) -> Any:
    """Log loss of always predicting the base rate, in nats: of one rate, or of each in an array; each in (0, 1)."""
    return -(base * np.log(base) + (1 - base) * np.log(1 - base))


def normalised_entropy(label: NDArray[np.bool_], p: NDArray[np.float64], weight: NDArray[np.float64] | None = None) -> float:
    """The quotient; lower is better, 1 is no better than the base rate, nan when all labels are alike. label and p: shape (n,).

    weight: how often each row counts, (n,), once by default. Half of the rows are positive below, so the base rate alone costs
    ln 2 = 0.693; predictions of 0.8 and 0.2 cost -ln 0.8 = 0.223.

    >>> round(normalised_entropy(np.array([True, False]), np.array([0.8, 0.2])), 3)
    0.322
    """
    base = float(np.average(label, weights=weight))
    if base in (0.0, 1.0):
        return float("nan")
    return log_loss(label, p, weight) / float(entropy(base))
