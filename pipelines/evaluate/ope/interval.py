"""The 95 % interval of an estimate."""

from __future__ import annotations

from typing import Final

import numpy as np

from pipelines.evaluate.ope.bootstrap_error import RESAMPLES, bootstrap_error
from pipelines.evaluate.ope.estimator import Moments

Z: Final = 1.959964
"""The 97.5 % point of the normal distribution."""


def interval(moments: Moments, seed: int, resamples: int = RESAMPLES, most: float = float("inf")) -> tuple[float, float]:
    """The values v that are not rejected where the variance grows with v: |value - v| <= Z error sqrt(v / value).

    It is Wilson's score interval (1927) of rare clicks, as many as the error is worth; for weighted ones see Dean and Pagano (2015).
    Weighted clicks make the value and the error it is told with rise and fall together: an interval of value ± Z error is too short
    just where the value is too low. What a bound took from the weights may click as the rest does: the high end has room for it.
    Neither end lies below 0 or above `most`, the most that the value can be. nan where nothing varies or no weight is left.
    """
    value, error = moments.value, standard_error(moments, seed, resamples)
    if not error > 0 or not np.isfinite(value) or moments.clipped >= 1:
        return float("nan"), float("nan")
    if value <= 0:  # a doubly robust estimate can be; what it estimates cannot
        return 0.0, min(max(value + Z * error, 0.0) / (1 - moments.clipped), most)
    shift = (Z * error) ** 2 / value / 2
    reach = float(np.hypot(Z * error, shift))
    return min(max(value + shift - reach, 0.0), most), min((value + shift + reach) / (1 - moments.clipped), most)


def standard_error(moments: Moments, seed: int, resamples: int = RESAMPLES) -> float:
    """Bootstrap, but at least that of as many equal coins as the weights are worth: every row tells of it, not only the clicked
    ones, and where clicks are rare the heaviest weights have often met none."""
    scaled = moments.scale * moments.importance
    return max(bootstrap_error(moments, seed, resamples), coins(scaled, moments.rate, len(moments.gain)))


def coins(weights: np.ndarray, rate: float, rounds: int) -> float:
    """Standard error of a round's mean of weighted rewards that come with equal chances `rate`, whatever the weight."""
    return float(np.sqrt((weights**2).sum() * rate * (1 - rate))) / rounds
