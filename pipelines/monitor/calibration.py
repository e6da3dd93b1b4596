"""Calibration: do the probabilities that entered the auction come true, overall and where it matters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.sources import Home
from pipelines.cli.output import Figure
from pipelines.monitor.outcomes import Outcomes, outcomes
from pipelines.monitor.ratio import Ratio, calibration_ratio
from pipelines.monitor.report import Report
from serving.eventlog.log import EventLog

WINDOW_DAYS: Final = 7
NEAR: Final = (0.9, 1.1)
TARGET: Final = f"interval meets {NEAR[0]} to {NEAR[1]}"
MOST_SEGMENTS: Final = 20
"""Of one column, the largest first."""
ABOUT: Final = (
    "Predicted over observed clicks of ads whose label has matured, with 95 % intervals (Poisson). 1 is calibrated, above 1 "
    "promises too much. What a model predicts is the click at the first position: only those count; the others stand last."
)


def near(ratio: Ratio) -> bool:
    """The interval reaches into NEAR."""
    return ratio.low <= NEAR[1] and (ratio.high is None or ratio.high >= NEAR[0])


def calibration(home: Home, log: EventLog, day: date, maturity: timedelta, days: int = WINDOW_DAYS) -> Report:
    """The ratio over the `days` days up to `day`: overall, by policy, surface, device, region, day. No rows give no ratio."""
    found = outcomes(home, log, day - timedelta(days=days - 1), day, maturity)
    first = found.position == 1
    figures = list(_figures("all", found, first, judged=True))
    for column in ("policy", "surface", "device", "region", "day"):
        for word, rows in _segments(getattr(found, column), first):
            figures += _figures(f"{column}={word}", found, rows, judged=True)
    for word, rows in _segments(found.position, ~first):
        figures += _figures(f"position={word}", found, rows, judged=False)
    setup = {
        "days": days,
        "impressions": len(found),
        "at_first_position": int(first.sum()),
        "immature": found.immature,
    }
    return Report("calibration", day, ABOUT, setup, figures)


def _segments(column: np.ndarray, among: NDArray[np.bool_]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    words, counts = np.unique(column[among].astype(str), return_counts=True)
    text = column.astype(str)
    for word in words[np.argsort(-counts, kind="stable")][:MOST_SEGMENTS]:
        yield word or "unknown", among & (text == word)


def _figures(where: str, found: Outcomes, rows: NDArray[np.bool_], judged: bool) -> Iterator[Figure]:
    ratio = calibration_ratio(float(found.predicted[rows].sum()), int(found.clicked[rows].sum()), int(rows.sum()))
    if not ratio.rows:
        yield Figure(f"{where} impressions", 0, "rows")
        return
    yield Figure(f"{where} ratio", ratio.value, "ratio", TARGET if judged else None, near(ratio) if judged else None)
    yield Figure(f"{where} ratio_low", ratio.low, "ratio")
    yield Figure(f"{where} ratio_high", ratio.high, "ratio")
    yield Figure(f"{where} clicks", ratio.observed, "events")
    yield Figure(f"{where} impressions", ratio.rows, "rows")
