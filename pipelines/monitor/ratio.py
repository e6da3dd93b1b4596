"""Predicted over observed events, with an exact interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scipy.stats import chi2

LEVEL: Final = 0.95


@dataclass(frozen=True)
class Ratio:
    """value: predicted / observed, None without a single event; low, high: its 95 % interval, high None when unbounded."""

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


def calibration_ratio(predicted: float, observed: int, rows: int) -> Ratio:
    """predicted: sum of probabilities over `rows`.

    The interval treats the count of events as Poisson (Garwood, 1936): exact for rare events, slightly wide otherwise.
    """
    tail = (1 - LEVEL) / 2
    least = chi2.ppf(tail, 2 * observed) / 2 if observed else 0.0
    most = chi2.ppf(1 - tail, 2 * observed + 2) / 2
    return Ratio(
        predicted=predicted,
        observed=observed,
        rows=rows,
        value=predicted / observed if observed else None,
        low=float(predicted / most),
        high=float(predicted / least) if least > 0 else None,
    )
