"""The bootstrap: how far a figure would move had other rows of the same kind been logged (Efron and Tibshirani, 1993).

Rows are drawn again and again from those that there are, the figure is computed on each draw, and the spread of what comes out is its
uncertainty. Three ways to draw, by what must stand or fall together: single rows, whole groups, or rounds that are counted because
many are alike. Equal seeds give equal draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES: Final = 500
TAIL: Final = 0.025
"""Share of the draws beyond either end of a 95 % interval."""
AT_ONCE: Final = 50
"""Draws of counted rounds that are made together."""


@dataclass(frozen=True)
class Interval:
    """A figure and the two ends of its 95 % interval."""

    value: float
    low: float
    high: float


def rows_drawn(rows: int, seed: int, resamples: int = RESAMPLES) -> Iterator[NDArray[np.int64]]:
    """Numbers of rows, shape (rows,), with replacement; once a resample."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield rng.integers(0, rows, rows)


def groups_drawn(group: NDArray[np.int64], seed: int, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """How often each row counts, an array (n,) a resample: each group (the rows of one user, say) is drawn as a whole, a Poisson(1)
    number of times (Chamandy et al., 2012).

    >>> first, second, third = next(groups_drawn(np.array([4, 4, 9]), seed=1))
    >>> bool(first == second)
    True
    """
    rng = np.random.default_rng(seed)
    groups, number = np.unique(group, return_inverse=True)
    for _ in range(resamples):
        yield rng.poisson(1.0, len(groups)).astype(np.float64)[number]


def counts_drawn(counts: NDArray[np.int64], seed: int, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """How often each kind of round was drawn, shape (AT_ONCE, kinds) a turn. counts: rounds of each kind, shape (kinds,); quick where
    there are few kinds. The number of resamples is rounded up to whole turns."""
    rng, rounds = np.random.default_rng(seed), int(counts.sum())
    kind = None if len(counts) < rounds / 4 else np.repeat(np.arange(len(counts)), counts)
    for _ in range(0, resamples, AT_ONCE):
        if kind is None:
            yield rng.multinomial(rounds, counts / rounds, AT_ONCE).astype(np.float64)
        else:
            which = kind[rng.integers(0, rounds, (AT_ONCE, rounds))]
            yield np.stack([np.bincount(one, minlength=len(counts)) for one in which]).astype(np.float64)


def ends(drawn: Sequence[Any] | np.ndarray) -> tuple[Any, Any]:
    """The low and the high end of the 95 % percentile interval; drawn: one value a resample, along the first axis.

    >>> low, high = ends(np.arange(101))
    >>> float(low), float(high)
    (2.5, 97.5)
    """
    low, high = np.quantile(np.asarray(drawn), [TAIL, 1 - TAIL], axis=0)
    return low, high


def interval(value: float, drawn: Sequence[float] | Floats, resamples: int = RESAMPLES) -> Interval | None:
    """The percentile interval of a figure. drawn: one value a resample, nan where it was not defined there; None where that is so in
    more than half of the resamples, or on the rows themselves."""
    every = np.asarray(drawn, np.float64)
    known = every[np.isfinite(every)]
    if not np.isfinite(value) or len(known) < resamples / 2:
        return None
    low, high = ends(known)
    return Interval(float(value), float(low), float(high))


def deviation(drawn: Floats, resamples: int = RESAMPLES) -> float:
    """The standard error of a figure: the standard deviation over resamples; nan where it was defined in no more than half of them."""
    known = drawn[np.isfinite(drawn)]
    return float(known.std()) if len(known) > resamples / 2 else float("nan")
