"""The bootstrap standard error of an estimate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluate.ope.estimator import Moments
from pipelines.evaluate.ope.feedback import Floats
from pipelines.statistics.bootstrap import counts_drawn, deviation

RESAMPLES: Final = 1000


def bootstrap_error(moments: Moments, seed: int, resamples: int = RESAMPLES) -> float:
    """Standard deviation of the value when whole rounds are drawn again: slots of one round hang together, and the parts of a ratio
    vary together. nan where the value is none in most resamples."""
    distinct, counts = np.unique(np.stack([moments.gain, moments.weight, moments.slots], axis=1), axis=0, return_counts=True)
    return deviation(np.concatenate(list(_values(distinct, counts, seed, resamples))), resamples)


def _values(distinct: NDArray[np.float64], counts: NDArray[np.int64], seed: int, resamples: int) -> Iterator[Floats]:
    """Values of resamples. distinct: rounds that are alike, once, and how many there are: few, where most rounds earned nothing."""
    for drawn in counts_drawn(counts, seed, resamples):
        gain, weight, slots = (drawn @ distinct).T / int(counts.sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            yield gain * slots / weight
