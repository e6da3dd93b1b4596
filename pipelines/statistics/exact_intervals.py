"""Exact 95 % intervals of what is counted: predicted over observed events, shares, and rates beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scipy.stats import beta, chi2

LEVEL: Final = 0.95


@dataclass(frozen=True)
class CalibrationInterval:
    """Calibration ratio with its interval. predicted: sum of probabilities over `rows`; observed: events that came.

    value: predicted / observed, None without a single event; low, high: its interval, high None when unbounded."""

    predicted: float
    observed: int
    rows: int
    value: float | None
    low: float
    high: float | None

    @property
    def holds(self) -> bool:
        """The interval contains 1."""
        return self.low <= 1 and (self.high is None or self.high >= 1)


def calibration_interval(predicted: float, observed: int, rows: int, level: float = LEVEL) -> CalibrationInterval:
    """The interval treats the count of events as Poisson (Garwood, 1936): exact for rare events, slightly wide otherwise."""
    tail = (1 - level) / 2
    least = chi2.ppf(tail, 2 * observed) / 2 if observed else 0.0
    most = chi2.ppf(1 - tail, 2 * observed + 2) / 2
    return CalibrationInterval(
        predicted=predicted,
        observed=observed,
        rows=rows,
        value=predicted / observed if observed else None,
        low=float(predicted / most),
        high=float(predicted / least) if least > 0 else None,
    )


def share_interval(events: int, rows: int, level: float = LEVEL) -> tuple[float, float]:
    """Of a share events / rows; rows above 0 (Clopper and Pearson, 1934)."""
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, events, rows - events + 1)) if events else 0.0
    high = float(beta.ppf(1 - tail, events + 1, rows - events)) if events < rows else 1.0
    return low, high


def rate_ratio_interval(events: int, rows: int, others: int, other_rows: int, level: float = LEVEL) -> tuple[float, float | None]:
    """Of (events / rows) / (others / other_rows), counts Poisson: given their sum one is binomial (Przyborowski and Wilenski, 1940).

    High is None when unbounded. All rows and events + others above 0.
    """
    low, high = share_interval(events, events + others, level)
    scale = other_rows / rows
    return low / (1 - low) * scale, high / (1 - high) * scale if high < 1 else None
