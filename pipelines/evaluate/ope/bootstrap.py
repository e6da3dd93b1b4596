"""Studentised bootstrap intervals of an estimate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluate.ope.estimator import Moments
from pipelines.evaluate.ope.feedback import Floats

LEVEL: Final = 0.95
RESAMPLES: Final = 1000
CHUNK: Final = 50


def interval(moments: Moments, seed: int, resamples: int = RESAMPLES, signed: bool = False) -> tuple[float, float]:
    """The 95 % bootstrap-t interval of the value (Efron and Tibshirani, 1993, chapter 12): whole rounds are drawn again, and what a
    resample misses is measured in its own standard errors.

    A standard error is at least that of as many equal coins as the weights are worth: every row tells of it, not only the clicked
    ones, and where clicks are rare the heaviest weights have often met none. A value that cannot be negative has no negative low
    end; signed: it can. nan where nothing varies or no weight is left.
    """
    distinct, counts = _distinct(moments.columns)
    products = _products(distinct)
    value, error = (float(x[0]) for x in _estimate(counts[None, :] @ products, len(moments.gain)))
    if not error > 0:
        return float("nan"), float("nan")
    drawn, errors = (np.concatenate(x) for x in zip(*_resampled(products, counts, seed, resamples), strict=True))
    sound = np.isfinite(drawn) & (errors > 0)
    if sound.sum() < resamples / 2:
        return float("nan"), float("nan")
    tail = (1 - LEVEL) / 2
    low, high = np.quantile((drawn[sound] - value) / errors[sound], [tail, 1 - tail])
    least = -np.inf if signed else 0.0
    return max(value - float(high) * error, least), max(value - float(low) * error, least)


def _distinct(columns: NDArray[np.float64]) -> tuple[NDArray[np.float64], Floats]:
    """Rounds that are alike, once, and how many there are: few, where most rounds earned nothing."""
    distinct, counts = np.unique(columns, axis=0, return_counts=True)
    return distinct, counts.astype(np.float64)


def _products(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of gain g, weight w and slots s: g, w, s, gg, ww, ss, gw, gs, ws; then the last three columns as they are."""
    g, w, s, *sums = columns.T
    return np.stack([g, w, s, g * g, w * w, s * s, g * w, g * s, w * s, *sums], axis=1)


def _estimate(sums: NDArray[np.float64], rounds: int) -> tuple[Floats, Floats]:
    """Values and their standard errors (delta method, at least those of coins) from sums of products, (draws, 12)."""
    g, w, s, gg, ww, ss, gw, gs, ws, importance, squares, rewarded = sums.T / rounds
    with np.errstate(divide="ignore", invalid="ignore"):
        value = g * s / w
        by_g, by_w, by_s = s / w, -value / w, g / w
        variance = by_g**2 * (gg - g * g) + by_w**2 * (ww - w * w) + by_s**2 * (ss - s * s)
        variance += 2 * (by_g * by_w * (gw - g * w) + by_g * by_s * (gs - g * s) + by_w * by_s * (ws - w * s))
        rate = np.nan_to_num(np.clip(rewarded / importance, 0, 1))
        coins = (s / w) ** 2 * squares * rate * (1 - rate)
        return value, np.sqrt(np.maximum(variance, coins) / rounds)


def _resampled(products: NDArray[np.float64], counts: Floats, seed: int, resamples: int) -> Iterator[tuple[Floats, Floats]]:
    rng, rounds = np.random.default_rng(seed), int(counts.sum())
    alike = len(counts) < rounds / 4
    for _ in range(0, resamples, CHUNK):
        if alike:
            drawn = rng.multinomial(rounds, counts / rounds, CHUNK).astype(np.float64)
        else:
            which = rng.integers(0, rounds, (CHUNK, rounds))
            which = np.repeat(np.arange(len(counts)), counts.astype(np.int64))[which] if len(counts) < rounds else which
            drawn = np.stack([np.bincount(row, minlength=len(counts)) for row in which]).astype(np.float64)
        yield _estimate(drawn @ products, rounds)
