"""From a ranker's margin to a probability: a table of (log-odds, probability) points, interpolated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.errors import BundleRefused

MOST: Final = 700.0
"""Log-odds as far out as their exponential is a number."""


@dataclass(frozen=True)
class Calibrator:
    """margins ascending strictly, probabilities ascending in (0, 1); log-odds run straight between points, at slope 1 outside."""

    margins: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        m, p = self.margins, self.probabilities
        good = m.ndim == p.ndim == 1 and len(m) == len(p) >= 1 and np.isfinite(m).all() and (np.diff(m) > 0).all()
        if not (good and (np.diff(p) >= 0).all() and (p > 0).all() and (p < 1).all()):
            raise BundleRefused("calibrator", f"{len(m)} points", "It must rise strictly in margin, within (0, 1); train again.")

    @cached_property
    def log_odds(self) -> NDArray[np.float64]:
        """Of each point."""
        return np.asarray(np.log(self.probabilities / (1 - self.probabilities)))

    @cached_property
    def _line(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The points in log-odds, and one at each end, MOST far out."""
        m, y = self.margins, self.log_odds
        return np.r_[m[0] - (y[0] + MOST), m, m[-1] + (MOST - y[-1])], np.r_[-MOST, y, MOST]

    def moved(self, slope: float, log_odds: float) -> Calibrator:
        """The same table with the log-odds of every probability times `slope`, > 0, and moved by this much."""
        return Calibrator(self.margins, np.clip(probability(slope * self.log_odds + log_odds), 1e-9, 1 - 1e-9))

    def calibrated(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated log-odds, same shape."""
        return np.asarray(np.interp(margin, *self._line))

    def apply(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities, same shape."""
        return probability(self.calibrated(margin))


def probability(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-log_odds)), same shape."""
    out = np.exp(-log_odds)
    out += 1
    return np.asarray(np.reciprocal(out, out=out))
