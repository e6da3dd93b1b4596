"""Log loss: mean negative log-likelihood of the outcomes, in nats."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

TINY: Final = 1e-12
"""Probabilities are clipped to [TINY, 1 - TINY]: one that was certain and wrong would cost infinitely much."""


def losses(label: NDArray[np.bool_], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row, shape (n,)."""
    q = np.clip(p, TINY, 1 - TINY)
    return np.asarray(-np.where(label, np.log(q), np.log1p(-q)))


def log_loss(label: NDArray[np.bool_], p: NDArray[np.float64], weight: NDArray[np.float64] | None = None) -> float:
    """Lower is better. weight: how often each row counts, once by default."""
    return float(np.average(losses(label, p), weights=weight))
