"""Log loss: mean negative log-likelihood of the outcomes, in nats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def log_loss(label: NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    """Mean over rows, in nats; lower is better. label and p: shape (n,). Probabilities are clipped to [1e-12, 1 - 1e-12].

    A click foretold at 0.5 costs ln 2 = 0.693, a missing click foretold at 0.5 the same.

    >>> round(log_loss(np.array([True, False]), np.array([0.5, 0.5])), 3)
    0.693
    """
    q = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(label, np.log(q), np.log1p(-q))))
