"""Log loss: mean negative log-likelihood of the outcomes, in nats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def log_loss(label: NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    """Lower is better. Probabilities are clipped to [1e-12, 1 - 1e-12]."""
    q = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(label, np.log(q), np.log1p(-q))))
