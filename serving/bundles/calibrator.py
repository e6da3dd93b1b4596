"""From a ranker's margin to a probability: a table of (log-odds, probability) points, interpolated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from serving.errors import BundleRefused


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

    def moved(self, slope: float, log_odds: float) -> Calibrator:
        """The same table with the log-odds of every probability times `slope`, > 0, and moved by this much."""
        return Calibrator(self.margins, np.clip(1 / (1 + np.exp(-(slope * self.log_odds + log_odds))), 1e-9, 1 - 1e-9))

    def apply(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities, same shape."""
        inside = np.interp(margin, self.margins, self.log_odds)
        inside += margin - np.clip(margin, self.margins[0], self.margins[-1])
        return np.asarray(1 / (1 + np.exp(-inside)))
