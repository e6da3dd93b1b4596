"""Expected calibration error: the mean gap between predicted and seen rates over bins of equal size (Naeini et al. 2015)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def calibration_error(label: NDArray[np.bool_], p: NDArray[np.float64], bins: int = 10) -> float:
    """Lower is better, in units of probability."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return float(sum(abs(label[i].mean() - p[i].mean()) * len(i) for i in parts if len(i)) / max(len(p), 1))
