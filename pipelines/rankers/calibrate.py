"""Fits the calibrator: isotonic regression where positives are many, Platt's sigmoid where they are few."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Refused
from serving.bundles.calibrator import Calibrator

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
    """The overall table moved, for each surface with ENOUGH positives, so that it predicts as many as came there."""
    from scipy.optimize import brentq

    out = {}
    for code in np.unique(surface):
        rows = surface == code
        if label[rows].sum() >= ENOUGH and not label[rows].all():
            p = overall.apply(margin[rows])
            odds, came = np.log(p / (1 - p)), float(np.average(label[rows], weights=weight[rows]))

            def beyond(shift: float, odds: NDArray[np.float64] = odds, w: NDArray[np.float64] = weight[rows], came: float = came) -> float:
                return float(np.average(1 / (1 + np.exp(-(odds + shift))), weights=w)) - came

            out[int(code)] = overall.shifted(float(brentq(beyond, -10, 10)))
    return out


def _platt(margin: NDArray[np.float64], label: NDArray[np.bool_], weight: NDArray[np.float64]) -> Calibrator:
    """p = sigmoid(a × margin + b) (Platt 1999), as a table."""
    from sklearn.linear_model import LogisticRegression

    centre = float(np.average(margin, weights=weight))
    model = LogisticRegression(C=10.0).fit((margin - centre)[:, None], label, sample_weight=weight)
    slope = max(float(model.coef_[0, 0]), 0.05)
    grid = np.linspace(margin.min() - 1, margin.max() + 1, 64)
    p = 1 / (1 + np.exp(-(slope * (grid - centre) + float(model.intercept_[0]))))
    return Calibrator(grid, np.clip(p, 1e-9, 1 - 1e-9))


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
