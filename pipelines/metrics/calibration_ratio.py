"""Calibration ratio: predicted over seen positives; 1 is calibrated in the large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def calibration_ratio(label: NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    """nan when nothing positive was seen."""
    seen = float(label.sum())
    return float(p.sum()) / seen if seen else float("nan")
