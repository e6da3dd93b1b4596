"""Calibration ratio: predicted over seen positives; 1 is calibrated in the large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def calibration_ratio(label: NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    """Sum of the probabilities over the number of positives; nan without a positive. label and p: shape (n,).

    Four rows promise 0.5 each, two positives in all; one was seen, so the predictions are twice too high.

    >>> calibration_ratio(np.array([True, False, False, False]), np.full(4, 0.5))
    2.0
    """
    seen = float(label.sum())
    return float(p.sum()) / seen if seen else float("nan")
