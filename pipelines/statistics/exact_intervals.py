"""Exact 95 % intervals of what is counted: predicted over observed events, shares, and rates beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scipy.stats import beta, chi2

LEVEL: Final = 0.95


@dataclass(frozen=True)
class CalibrationInterval:
    """Predicted over observed events. predicted: sum of probabilities. observed: number of events. rows: number of rows.

    value: predicted / observed, None without a single event. low, high: the interval of the value, high None when it has no upper end.
    """

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
    """The ratio of `predicted`, the sum of the probabilities of `rows` rows, to the `observed` events among them.

    The interval treats the count of events as Poisson (Garwood, 1936): exact for rare events, slightly wide otherwise.

    20 clicks were promised and 10 came: the ratio is 2, and luck alone does not explain it.

    >>> found = calibration_interval(20.0, 10, 1000)
    >>> found.value, round(found.low, 2), round(found.high, 2), found.holds
    (2.0, 1.09, 4.17, False)
    """
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
    """The exact interval of a share events / rows, rows being above 0 (Clopper and Pearson, 1934).

    >>> tuple(round(end, 3) for end in share_interval(0, 10))
    (0.0, 0.308)
    """
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, events, rows - events + 1)) if events else 0.0
    high = float(beta.ppf(1 - tail, events + 1, rows - events)) if events < rows else 1.0
    return low, high


def rate_ratio_interval(events: int, rows: int, others: int, other_rows: int, level: float = LEVEL) -> tuple[float, float | None]:
    """The interval of the ratio of two rates, (events / rows) / (others / other_rows). The counts are taken as Poisson; given their
    sum, one of them is binomial (Przyborowski and Wilenski, 1940).

    The upper end is None when there is none. All rows and events + others are above 0.

    Ten events in 1,000 rows beside ten in 2,000: twice the rate, and still compatible with equal rates.

    >>> tuple(round(end, 2) for end in rate_ratio_interval(10, 1000, 10, 2000))
    (0.75, 5.35)
    """
    low, high = share_interval(events, events + others, level)
    scale = other_rows / rows
    return low / (1 - low) * scale, high / (1 - high) * scale if high < 1 else None
