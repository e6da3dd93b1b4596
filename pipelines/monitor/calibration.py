"""Calibration: do the probabilities that entered the auction come true, overall and where it matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.home import Home
from pipelines.gates.condition import CALIBRATED
from pipelines.reporting.figure import Figure
from pipelines.reporting.report import Report
from pipelines.served.outcomes import Outcomes, outcomes
from pipelines.statistics.exact_intervals import calibration_interval
from pipelines.warehouse.label_times import LabelTimes
from serving.eventlog.log import EventLog

WINDOW_DAYS: Final = 7
WORDS: Final = {"click": ("", "clicks", "impressions"), "conversion": ("conversion ", "conversions", "clicks")}
"""By head: what its figures' names begin with, and what they call the events and what must have come for one."""
MOST_SEGMENTS: Final = 20
"""Of one column, the largest first."""
ABOUT: Final = (
    "Predicted over observed clicks of ads whose label has matured, with 95 % intervals (Poisson). 1 is calibrated, above 1 "
    "promises too much. What a model predicts is the click at the first position: only those count; the others stand after them. Then "
    "predicted over observed conversions of clicked ads that are paid by them, wherever they stood."
)


def calibration(home: Home, log: EventLog, day: date, times: LabelTimes, days: int = WINDOW_DAYS) -> Report:
    """The ratio over the `days` days up to `day`: overall, by policy, surface, device, region, day; of clicks, then of conversions where
    any may have come. No rows give no ratio."""
    found = outcomes(home, log, day - timedelta(days=days - 1), day, times)
    first = found.position == 1
    figures = list(_everywhere("click", found, first))
    for word, rows in _segments(found.position, ~first):
        figures += _figures("click", f"position={word}", found, rows, judged=False)
    sold = outcomes(home, log, day - timedelta(days=days - 1), day, times, "conversion")
    if len(sold):
        figures += _everywhere("conversion", sold, np.ones(len(sold), bool))
    setup = {
        "days": days,
        "impressions": len(found),
        "at_first_position": int(first.sum()),
        "immature": found.immature,
        "clicks_that_may_convert": len(sold),
    }
    return Report("calibration", day, ABOUT, setup, figures)


def _everywhere(head: str, found: Outcomes, among: NDArray[np.bool_]) -> Iterator[Figure]:
    """Overall, and by segment."""
    yield from _figures(head, "all", found, among, judged=True)
    for column in ("policy", "surface", "device", "region", "day"):
        for word, rows in _segments(getattr(found, column), among):
            yield from _figures(head, f"{column}={word}", found, rows, judged=True)


def _segments(column: np.ndarray, among: NDArray[np.bool_]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    words, counts = np.unique(column[among].astype(str), return_counts=True)
    text = column.astype(str)
    for word in words[np.argsort(-counts, kind="stable")][:MOST_SEGMENTS]:
        yield word or "unknown", among & (text == word)


def _figures(head: str, where: str, found: Outcomes, rows: NDArray[np.bool_], judged: bool) -> Iterator[Figure]:
    prefix, events, causes = WORDS[head]
    where = prefix + where
    ratio = calibration_interval(float(found.predicted[rows].sum()), int(found.came[rows].sum()), int(rows.sum()))
    if not ratio.rows:
        yield Figure(f"{where} {causes}", 0, "rows")
        return
    figure = Figure(f"{where} ratio", ratio.value, "ratio")
    holds = CALIBRATED.holds(ratio.value, ratio.low, ratio.high)
    yield replace(figure, target=CALIBRATED.target, holds=holds) if judged else figure
    yield Figure(f"{where} ratio_low", ratio.low, "ratio")
    yield Figure(f"{where} ratio_high", ratio.high, "ratio")
    yield Figure(f"{where} {events}", ratio.observed, "events")
    yield Figure(f"{where} {causes}", ratio.rows, "rows")
