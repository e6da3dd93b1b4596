"""How long outcomes take: what share of a recent row's outcomes has come so far.

Every campaign's delays follow a Weibull law of its own scale and a common shape, fitted to the outcomes that came by what could have
been seen of them (right truncation), scales leaning on the whole (a log-normal prior whose spread is learned, by EM). A recent row's
label then foretells P(outcome) × ripeness: the delayed feedback of Chapelle (2014), whose law is the shape 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST: Final = 20
"""Outcomes below which nothing is said of their delay: every row then counts as ripe."""
SPREAD: Final = (0.05, 1.5)
"""Bounds of the standard deviation of log scales across campaigns."""
ROUNDS: Final = 12
SHORTEST_HOURS: Final = 1e-3
OVER: Final = 6.0
"""Log of a waiting time in scales, to the shape, beyond which nothing is left to come."""


@dataclass(frozen=True)
class Delays:
    """shape, scale: of the whole, scale in hours. scales: by campaign. spread: standard deviation of their logs."""

    shape: float
    scale: float
    scales: dict[str, float]
    spread: float

    def come(self, campaign: NDArray[np.object_], hours: Floats) -> Floats:
        """P(an outcome has come within `hours` | it comes at all), (n,)."""
        scale = np.array([self.scales.get(c, self.scale) for c in campaign])
        return np.asarray(-np.expm1(-((np.maximum(hours, 0) / scale) ** self.shape)))


def fit_delays(campaign: NDArray[np.object_], delay: Floats, seen: Floats) -> Delays | None:
    """Of outcomes that came: their delay and the time for which each could have been seen, hours, delay <= seen. None when few."""
    from scipy.optimize import minimize

    if len(delay) < LEAST:
        return None
    names, which = np.unique(campaign.astype(str), return_inverse=True)
    delay = np.log(np.maximum(delay, SHORTEST_HOURS))
    seen = np.maximum(np.log(np.maximum(seen, SHORTEST_HOURS)), delay)
    count = np.bincount(which)
    whole, spread = float(np.median(delay)) + 0.37, 0.5  # an exponential law's median is log 2 of its scale
    scales, shape = np.full(len(names), whole), 1.0

    def loss(x: Floats) -> tuple[float, Floats]:
        """Minus the log posterior of the scales' logs and the shape's, and its gradient."""
        power = np.exp(x[-1])
        z = np.exp(np.minimum(power * (delay - x[which]), OVER))
        limit = np.exp(np.minimum(power * (seen - x[which]), OVER))
        pull = limit / np.expm1(limit)
        likely = x[-1] + power * (delay - x[which]) - z - np.log(-np.expm1(-limit))
        apart = (x[:-1] - whole) / spread
        by_scale = np.bincount(which, power * (z - 1 + pull)) - apart / spread
        by_shape = 1 + power * ((delay - x[which]) * (1 - z) - (seen - x[which]) * pull)
        return float(apart @ apart / 2 - likely.sum()), -np.r_[by_scale, by_shape.sum()]

    for _ in range(ROUNDS):
        found = minimize(loss, np.r_[scales, np.log(shape)], jac=True, method="L-BFGS-B").x
        scales, shape = found[:-1], float(np.exp(found[-1]))
        unsure = 1 / (shape**2 * count + 1 / spread**2)
        whole = float(np.average(scales, weights=1 / (spread**2 + unsure)))
        spread = float(np.clip(np.sqrt(np.mean((scales - whole) ** 2 + unsure)), *SPREAD))
    return Delays(shape, float(np.exp(whole)), dict(zip(names.tolist(), np.exp(scales).tolist(), strict=True)), spread)


def ripeness(rows: pd.DataFrame) -> Floats:
    """Share of each row's outcomes that its label can know of, (n,) in (0, 1]: 1 where every row's window has passed.

    rows: label, campaign_id, delay_hours (of those that came), seen_hours (for which each row was watched) and window_hours (for
    which it counts); without these columns all rows are ripe.
    """
    if "seen_hours" not in rows:
        return np.ones(len(rows))
    campaign = rows["campaign_id"].to_numpy(object)
    seen, window = rows["seen_hours"].to_numpy(float), rows["window_hours"].to_numpy(float)
    came = rows["label"].to_numpy(bool)
    delays = fit_delays(campaign[came], rows["delay_hours"].to_numpy(float)[came], seen[came])
    if delays is None:
        return np.ones(len(rows))
    return np.clip(delays.come(campaign, seen) / np.maximum(delays.come(campaign, window), 1e-9), 1e-3, 1.0)


def ripeness_offset(ripe: Floats, rate: float) -> Floats:
    """Log-odds of having come so far relative to coming at all, for an outcome about as likely as `rate`."""
    rate = min(rate, 1 - 1e-6)
    return np.asarray(np.log(ripe) + np.log((1 - rate) / (1 - rate * ripe)))
