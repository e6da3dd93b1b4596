"""Expected calibration error: the mean gap between predicted and seen rates over bins of equal size (Naeini et al. 2015)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def calibration_error(label: NDArray[np.bool_], p: NDArray[np.float64], bins: int = 10) -> float:
    """The error in units of probability, 0 when every bin is right. label and p: shape (n,); lower is better.

    Of two bins, the lower promises 0.1 and sees 0, the upper promises 0.6 and sees 0.5: both are off by 0.1.

    >>> label = np.array([False, False, True, False])
    >>> round(calibration_error(label, np.array([0.1, 0.1, 0.6, 0.6]), bins=2), 6)
    0.1
    """
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return float(sum(abs(label[i].mean() - p[i].mean()) * len(i) for i in parts if len(i)) / max(len(p), 1))
