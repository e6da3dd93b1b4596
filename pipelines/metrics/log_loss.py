"""Log loss: mean negative log-likelihood of the outcomes, in nats."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

TINY: Final = 1e-12
"""Probabilities are clipped to [TINY, 1 - TINY]: one that was certain and wrong would cost infinitely much."""


def losses(label: NDArray[np.bool_], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The loss of each row in nats, shape (n,)."""
    q = np.clip(p, TINY, 1 - TINY)
    return np.asarray(-np.where(label, np.log(q), np.log1p(-q)))


def log_loss(label: NDArray[np.bool_], p: NDArray[np.float64], weight: NDArray[np.float64] | None = None) -> float:
    """Mean over rows, in nats; lower is better. label and p: shape (n,). weight: how often each row counts, (n,), once by default.

    A click foretold at 0.5 costs ln 2 = 0.693, a missing click foretold at 0.5 the same.

    >>> round(log_loss(np.array([True, False]), np.array([0.5, 0.5])), 3)
    0.693
    """
    return float(np.average(losses(label, p), weights=weight))
