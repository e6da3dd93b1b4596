"""The bootstrap standard error of an estimate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluate.ope.estimator import Moments
from pipelines.evaluate.ope.feedback import Floats

RESAMPLES: Final = 1000
CHUNK: Final = 50


def bootstrap_error(moments: Moments, seed: int, resamples: int = RESAMPLES) -> float:
    """Standard deviation of the value when whole rounds are drawn again (Efron and Tibshirani, 1993, chapter 6): slots of one
    round hang together, and the parts of a ratio vary together. nan where the value is none in most resamples."""
    distinct, counts = np.unique(np.stack([moments.gain, moments.weight, moments.slots], axis=1), axis=0, return_counts=True)
    drawn = np.concatenate(list(_resampled(distinct, counts.astype(np.float64), seed, resamples)))
    sound = drawn[np.isfinite(drawn)]
    return float(sound.std()) if len(sound) > resamples / 2 else float("nan")


def _resampled(distinct: NDArray[np.float64], counts: Floats, seed: int, resamples: int) -> Iterator[Floats]:
    """Values of resamples. distinct: rounds that are alike, once, and how many there are: few, where most rounds earned nothing."""
    rng, rounds = np.random.default_rng(seed), int(counts.sum())
    row = None if len(counts) < rounds / 4 else np.repeat(np.arange(len(counts)), counts.astype(np.int64))
    for _ in range(0, resamples, CHUNK):
        if row is None:
            drawn = rng.multinomial(rounds, counts / rounds, CHUNK).astype(np.float64)
        else:
            which = row[rng.integers(0, rounds, (CHUNK, rounds))]
            drawn = np.stack([np.bincount(one, minlength=len(counts)) for one in which]).astype(np.float64)
        gain, weight, slots = (drawn @ distinct).T / rounds
        with np.errstate(divide="ignore", invalid="ignore"):
            yield gain * slots / weight
