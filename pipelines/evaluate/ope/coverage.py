"""How often intervals hold the truth: seeded runs on feedback drawn from the market, whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.evaluate.ope.estimate import Estimate, estimate
from pipelines.evaluate.ope.estimator import Estimator
from pipelines.evaluate.ope.logged_market import LoggedMarket

REQUESTS: Final = 40_000
"""Of the population that runs are drawn from."""


@dataclass(frozen=True)
class Coverage:
    """Of one estimator over the runs. covered: share of intervals that hold the true value; bias: mean error over the truth;
    width: mean of the interval's over the truth; the others are means of an Estimate's."""

    estimator: str
    covered: float
    bias: float
    width: float
    effective_sample_size: float
    leverage: float


def coverage(
    market: LoggedMarket,
    runs: int,
    rounds: int,
    resamples: int,
    seed: int,
    asked: Sequence[Estimator],
    ran: Callable[[int], None] = lambda run: None,
) -> list[Coverage]:
    """`runs` runs of `rounds` rounds each; the same seed gives the same figures. ran: told of each run that is done."""
    found: dict[str, list[Estimate]] = {}
    for run in range(runs):
        feedback, target = market.draw(seed + run, rounds)
        for estimator in asked:
            found.setdefault(estimator.name, []).append(estimate(estimator, feedback, target, seed + run, resamples))
        ran(run + 1)
    return [_summary(name, each, market.value) for name, each in found.items()]


def _summary(name: str, each: list[Estimate], truth: float) -> Coverage:
    low, high, value, size, leverage = (
        np.array([getattr(e, field) for e in each]) for field in ("low", "high", "value", "effective_sample_size", "leverage")
    )
    return Coverage(
        name, float(((low <= truth) & (truth <= high)).mean()), float(value.mean() / truth - 1), float((high - low).mean() / truth),
        float(size.mean()), float(leverage.mean()),
    )  # fmt: skip
