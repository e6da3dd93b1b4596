"""Fits the calibrator, from rows that the weights did not see: as little of one as the evidence asks for.

Weights that were trained on a log loss are calibrated about as well as their rows allow. A table that is laid over them because it is the
custom moves them by its own noise. So a calibrator is shrunk towards no change, and each step (a sigmoid, isotonic regression, a table of
a surface's own) is kept only where such steps, fitted on each half of the rows, lower the loss on the other half beyond noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Refused
from serving.bundles.calibrator import Calibrator, probability

Floats = NDArray[np.float64]
ENOUGH: Final = 1000
"""Positives that a surface needs for a table of its own."""
THIN: Final = 1000
"""Positives below which isotonic steps would be noise."""
USUAL: Final = 0.3
"""Standard deviation of what a calibrator is expected to change, in log-odds and in slope: a Gaussian prior about no change."""
SURE: Final = 1.645
"""Standard errors by which a step must lower the loss of later rows: one in twenty that change nothing is kept."""
POINTS: Final = 64
NO_CHANGE: Final = Calibrator(np.zeros(1), np.full(1, 0.5))
"""The table of weights that need none: log-odds stay what they are."""


def fit_calibrator(margin: Floats, label: NDArray[np.bool_], weight: Floats) -> Calibrator:
    """margin: (n,) log-odds of rows in the order of time; weight: how many rows each stands for (down-sampled negatives stand for
    several). Raises Refused where all labels are alike."""
    if label.all() or not label.any():
        raise Refused("labels to calibrate on", f"{len(label)}, all alike", "Both outcomes are needed: take more days.")
    best = _if_it_pays(NO_CHANGE, _sigmoid, margin, label, weight)
    return _if_it_pays(best, _isotonic, margin, label, weight) if label.sum() >= THIN else best


def fit_surfaces(
    overall: Calibrator, margin: Floats, surface: NDArray[np.integer], label: NDArray[np.bool_], weight: Floats
) -> dict[int, Calibrator]:
    """Tables of surfaces with ENOUGH positives on which the overall table's log-odds, through a sigmoid of the surface's own, do better."""
    out = {}
    for code in np.unique(surface):
        rows = surface == code
        if label[rows].sum() >= ENOUGH and not label[rows].all():

            def moved(margin: Floats, label: NDArray[np.bool_], weight: Floats) -> Calibrator:
                return _moved(overall, *shrunk_sigmoid(overall.calibrated(margin), label, weight))

            found = _if_it_pays(overall, moved, margin[rows], label[rows], weight[rows])
            if found is not overall:
                out[int(code)] = found
    return out


Fit = Callable[[Floats, NDArray[np.bool_], Floats], Calibrator]


def _if_it_pays(present: Calibrator, fit: Fit, margin: Floats, label: NDArray[np.bool_], weight: Floats) -> Calibrator:
    """The calibrator fitted on all rows, where those that were fitted on each half do better on the other than the present one."""
    half = int(np.searchsorted(np.cumsum(label), label.sum() / 2))
    gains = list[Floats]()
    for early, late in ((slice(0, half), slice(half, None)), (slice(half, None), slice(0, half))):
        if not label[early].any() or label[early].all():
            return present
        tried = fit(margin[early], label[early], weight[early])
        before, after = (log_loss(table.calibrated(margin[late]), label[late]) for table in (present, tried))
        gains.append(weight[late] * (before - after))
    gain = np.concatenate(gains)
    return fit(margin, label, weight) if float(gain.sum()) > SURE * float(np.std(gain)) * np.sqrt(len(gain)) else present


def log_loss(log_odds: Floats, label: NDArray[np.bool_]) -> Floats:
    """Of each row, in nats, (n,)."""
    return np.asarray(np.logaddexp(0.0, np.where(label, -log_odds, log_odds)))


def _sigmoid(margin: Floats, label: NDArray[np.bool_], weight: Floats) -> Calibrator:
    """p = sigmoid(slope × margin + shift), as a table."""
    slope, shift = shrunk_sigmoid(margin, label, weight)
    return _line(margin.min() - 1, margin.max() + 1, slope, shift)


def _line(low: float, high: float, slope: float, shift: float) -> Calibrator:
    grid = np.linspace(low, high, POINTS)
    return Calibrator(grid, np.clip(probability(slope * grid + shift), 1e-9, 1 - 1e-9))


def _moved(table: Calibrator, slope: float, shift: float) -> Calibrator:
    """A table whose log-odds are those of `table` times slope, and moved. NO_CHANGE has one point: a line has no end where its slope may
    change, so it gets some."""
    if len(table.margins) > 1:
        return table.moved(slope, shift)
    return _line(float(table.margins[0]) - 10, float(table.margins[0]) + 10, slope, shift)


def shrunk_sigmoid(margin: Floats, label: NDArray[np.bool_], weight: Floats) -> tuple[float, float]:
    """Slope, above 0, and shift of sigmoid(slope × margin + shift), most likely under the prior that USUAL describes (Platt 1999, with
    Gaussian priors), by Newton's method."""
    p = probability(margin)
    centre = float(np.average(margin, weights=weight * np.maximum(p * (1 - p), 1e-12)))
    x = np.stack([np.ones(len(margin)), margin - centre])
    at, prior = np.array([centre, 1.0]), np.array([centre, 1.0])
    for _ in range(50):
        p = probability(at @ x)
        slope = x @ (weight * (label - p)) - (at - prior) / USUAL**2
        curve = (x * (weight * p * (1 - p))) @ x.T + np.eye(2) / USUAL**2
        step = np.clip(np.linalg.solve(curve, slope), -1.0, 1.0)
        at = at + step
        if np.abs(step).max() < 1e-9:
            break
    steep = max(float(at[1]), 0.05)
    return steep, float(at[0]) - steep * centre


def _isotonic(margin: Floats, label: NDArray[np.bool_], weight: Floats) -> Calibrator:
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
