"""Fits the calibrator: isotonic regression where positives are many, Platt's sigmoid where they are few."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Refused
from serving.bundles.calibrator import Calibrator, probability

ENOUGH: Final = 200
"""Positives that a surface needs for a table of its own: its rate is then known within a fourteenth."""
THIN: Final = 1000
"""Positives below which isotonic steps would be noise."""


def fit_calibrator(margin: NDArray[np.float64], label: NDArray[np.bool_], weight: NDArray[np.float64]) -> Calibrator:
    """margin: (n,) log-odds; weight: how many rows each stands for (down-sampled negatives stand for several)."""
    if label.all() or not label.any():
        raise Refused("labels to calibrate on", f"{len(label)}, all alike", "Both outcomes are needed: take more days.")
    fit = _isotonic if label.sum() >= THIN else _platt
    return fit(margin, label, weight)


def fit_surfaces(
    overall: Calibrator, margin: NDArray[np.float64], surface: NDArray[np.integer], label: NDArray[np.bool_], weight: NDArray[np.float64]
) -> dict[int, Calibrator]:
    """The overall table's log-odds through Platt's sigmoid, for each surface with ENOUGH positives."""
    out = {}
    for code in np.unique(surface):
        rows = surface == code
        if label[rows].sum() >= ENOUGH and not label[rows].all():
            out[int(code)] = overall.moved(*_sigmoid(overall.calibrated(margin[rows]), label[rows], weight[rows]))
    return out


def _platt(margin: NDArray[np.float64], label: NDArray[np.bool_], weight: NDArray[np.float64]) -> Calibrator:
    """p = sigmoid(slope × margin + intercept), as a table."""
    slope, intercept = _sigmoid(margin, label, weight)
    grid = np.linspace(margin.min() - 1, margin.max() + 1, 64)
    return Calibrator(grid, np.clip(probability(slope * grid + intercept), 1e-9, 1 - 1e-9))


def _sigmoid(margin: NDArray[np.float64], label: NDArray[np.bool_], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Slope, above 0, and intercept (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    centre = float(np.average(margin, weights=weight))
    model = LogisticRegression(C=10.0, tol=1e-9).fit((margin - centre)[:, None], label, sample_weight=weight)
    slope = max(float(model.coef_[0, 0]), 0.05)
    return slope, float(model.intercept_[0]) - slope * centre


def _isotonic(margin: NDArray[np.float64], label: NDArray[np.bool_], weight: NDArray[np.float64]) -> Calibrator:
    """Pool-adjacent-violators blocks, each a point at its mean margin and smoothed rate, joined by lines: no ties, no steps."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(margin, label, sample_weight=weight).predict(margin)
    order = np.argsort(margin, kind="stable")
    block = np.cumsum(np.r_[0, np.diff(fitted[order]) > 0])
    total = np.bincount(block, weight[order])
    centre = np.bincount(block, (weight * margin)[order]) / total
    rate = float(np.average(label, weights=weight))
    p = (np.bincount(block, (weight * label)[order]) + rate) / (total + 1)
    p = np.clip(np.maximum.accumulate(p), 1e-9, 1 - 1e-9)
    rising = np.r_[True, np.diff(centre) > 1e-9]
    return Calibrator(centre[rising], p[rising])
