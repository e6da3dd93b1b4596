"""Fits the calibrator, from rows later than those that the weights learned from: as little of one as the evidence asks for.

Weights that were trained on a log loss are about as calibrated as their rows allow, and a table that is laid over them because it is the
custom moves them by its own noise. So there are two questions, asked apart. Is the level right? The weights that are asked know a little
less than those that will serve, and one stretch of days differs from the next whatever is promised: a level is moved only where it is off
beyond chance and beyond that difference. Is the shape right? A sigmoid's slope and isotonic regression change the shape and leave the
level; each is kept only where such steps, fitted on each half of the rows, lower the loss on the other half beyond noise.
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
USUAL: Final = 0.5
"""Standard deviation of what a calibrator is expected to change, in log-odds and in slope: a Gaussian prior about no change."""
DRIFT: Final = 0.1
"""Standard deviation, in log-odds, by which a stretch of days differs from the one before it for reasons that do not last."""
LEARNING: Final = 0.3
"""Standard deviation, in log-odds, by which weights that knew three or four fifths of thin data differ from those that know all of it: such
weights promised 0.5 to 0.8 of what came where the final ones promised as much."""
CLEAR: Final = 1.96
"""Standard deviations, of chance and of the other two together, by which a level must be off to be moved."""
SURE: Final = 1.645
"""Standard errors by which a step must lower the loss of the other half: one in twenty that change nothing is kept."""
POINTS: Final = 64
NO_CHANGE: Final = Calibrator(np.zeros(1), np.full(1, 0.5))
"""The table of weights that need none: log-odds stay what they are."""


def fit_calibrator(margin: Floats, label: NDArray[np.bool_], weight: Floats, unlike: float = DRIFT) -> Calibrator:
    """margin: (n,) log-odds of rows in the order of time; weight: how many rows each stands for (down-sampled negatives stand for
    several); unlike: standard deviation, in log-odds, by which the weights that are asked differ in level from those that will serve.
    Raises Refused where all labels are alike."""
    if label.all() or not label.any():
        raise Refused("labels to calibrate on", f"{len(label)}, all alike", "Both outcomes are needed: take more days.")
    best = _shaped(_moved(NO_CHANGE, 1.0, level(margin, label, weight, unlike)), _sloped, margin, label, weight)
    return _shaped(best, _isotonic, margin, label, weight) if label.sum() >= THIN else best


def fit_surfaces(
    overall: Calibrator, margin: Floats, surface: NDArray[np.integer], label: NDArray[np.bool_], weight: Floats
) -> dict[int, Calibrator]:
    """Tables of surfaces with ENOUGH positives whose level or slope is another than the overall table's."""
    out = {}
    for code in np.unique(surface):
        rows = surface == code
        if label[rows].sum() >= ENOUGH and not label[rows].all():
            log_odds = overall.calibrated(margin[rows])
            shift = level(log_odds, label[rows], weight[rows])
            start = _moved(overall, 1.0, shift) if shift else overall
            found = _shaped(start, _sloped, margin[rows], label[rows], weight[rows])
            if found is not overall:
                out[int(code)] = found
    return out


Shape = Callable[[Calibrator, Floats, NDArray[np.bool_], Floats], Calibrator]
"""A table of another shape than a present one, from the rows' margins, outcomes and weights."""


def level(log_odds: Floats, label: NDArray[np.bool_], weight: Floats, unlike: float = DRIFT) -> float:
    """What to add to the log-odds so that as much is promised as came, shrunk; 0 where that is not clear. unlike: of `fit_calibrator`."""
    shift = 0.0
    for _ in range(50):
        p = probability(log_odds + shift)
        known = float((weight * p * (1 - p)).sum())
        step = float(np.clip((weight * (label - p)).sum() / max(known, 1e-12), -1.0, 1.0))
        shift += step
        if abs(step) < 1e-9:
            break
    unsure = 1 / max(known, 1e-12) + unlike**2
    return shift * USUAL**2 / (USUAL**2 + unsure) if abs(shift) > CLEAR * np.sqrt(unsure) else 0.0


def _shaped(present: Calibrator, shape: Shape, margin: Floats, label: NDArray[np.bool_], weight: Floats) -> Calibrator:
    """The table of another shape and the same level, where those that were fitted on each half do better on the other than the present."""
    half = int(np.searchsorted(np.cumsum(label), label.sum() / 2))
    gains = list[Floats]()
    for early, late in ((slice(0, half), slice(half, None)), (slice(half, None), slice(0, half))):
        if not label[early].any() or label[early].all():
            return present
        tried = _level_kept(present, shape(present, margin[early], label[early], weight[early]), margin[early], weight[early])
        before, after = (log_loss(table.calibrated(margin[late]), label[late]) for table in (present, tried))
        gains.append(weight[late] * (before - after))
    gain = np.concatenate(gains)
    if float(gain.sum()) <= SURE * float(np.std(gain)) * np.sqrt(len(gain)):
        return present
    return _level_kept(present, shape(present, margin, label, weight), margin, weight)


def _level_kept(present: Calibrator, other: Calibrator, margin: Floats, weight: Floats) -> Calibrator:
    """The other table, moved so that it promises as much in all as the present one."""
    due, log_odds, shift = float(weight @ present.apply(margin)), other.calibrated(margin), 0.0
    for _ in range(50):
        p = probability(log_odds + shift)
        step = (due - float(weight @ p)) / max(float(weight @ (p * (1 - p))), 1e-12)
        shift += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-9:
            break
    return other.moved(1.0, shift)


def log_loss(log_odds: Floats, label: NDArray[np.bool_]) -> Floats:
    """Of each row, in nats, (n,)."""
    return np.asarray(np.logaddexp(0.0, np.where(label, -log_odds, log_odds)))


def _sloped(present: Calibrator, margin: Floats, label: NDArray[np.bool_], weight: Floats) -> Calibrator:
    return _moved(present, *shrunk_sigmoid(present.calibrated(margin), label, weight))


def _line(low: float, high: float, slope: float, shift: float) -> Calibrator:
    grid = np.linspace(low, high, POINTS)
    return Calibrator(grid, np.clip(probability(slope * grid + shift), 1e-9, 1 - 1e-9))


def _moved(table: Calibrator, slope: float, shift: float) -> Calibrator:
    """A table whose log-odds are those of `table` times slope, and moved. A table of one point has no ends between which its slope could
    change, so it gets some."""
    if len(table.margins) > 1 or slope == 1.0:
        return table.moved(slope, shift) if slope != 1.0 or shift else table
    at, log_odds = float(table.margins[0]), float(table.log_odds[0])
    return _line(at - 12, at + 12, slope, slope * (log_odds - at) + shift)


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


def _isotonic(present: Calibrator, margin: Floats, label: NDArray[np.bool_], weight: Floats) -> Calibrator:
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
