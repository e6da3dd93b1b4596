"""How often intervals hold the truth: seeded runs on feedback drawn from the market, whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.evaluate.ope.estimate import Estimate, estimate
from pipelines.evaluate.ope.estimator import Estimator
from pipelines.evaluate.ope.logged_market import LoggedMarket
from pipelines.evaluate.ope.verdict import verdict

REQUESTS: Final = 40_000
"""Of the population that runs are drawn from."""
MEANS: Final = ("bias", "width", "effective_sample_size", "expected_rewards", "carrying_rewards")
RUNS_A_SEED: Final = 100_000
"""Seeds that are set apart for the runs of one: those of neighbours share none."""


@dataclass(frozen=True)
class Coverage:
    """Of one estimator over the runs. answers: how many of them are conclusive, and held: of those whose interval holds the true value.
    answered: share of them whose verdict is conclusive; covered: share of those whose interval
    holds the true value, nan of none. bias: mean error over the truth, width: mean of the interval's over the truth, both of all
    runs; the others are means of an Estimate's."""

    estimator: str
    runs: int
    answers: int
    held: int
    bias: float
    width: float
    effective_sample_size: float
    expected_rewards: float
    carrying_rewards: float

    @property
    def answered(self) -> float:
        return self.answers / self.runs

    @property
    def covered(self) -> float:
        return self.held / self.answers if self.answers else float("nan")


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
        at = seed * RUNS_A_SEED + run
        feedback, target = market.draw(at, rounds)
        for estimator in asked:
            found.setdefault(estimator.name, []).append(estimate(estimator, feedback, target, at, resamples))
        ran(run + 1)
    return [_summary(name, each, market.value) for name, each in found.items()]


def _summary(name: str, each: list[Estimate], truth: float) -> Coverage:
    held = [e.low <= truth <= e.high for e in each if verdict(e).conclusive]
    mean = {
        field: float(np.mean([getattr(e, field) for e in each]))
        for field in ("low", "high", "value", "effective_sample_size", "expected_rewards", "carrying_rewards")
    }
    return Coverage(
        name, len(each), len(held), sum(held), mean["value"] / truth - 1, (mean["high"] - mean["low"]) / truth,
        mean["effective_sample_size"], mean["expected_rewards"], mean["carrying_rewards"],
    )  # fmt: skip


def pooled(each: Sequence[Coverage]) -> Coverage:
    """One estimator's on several markets: counts are summed, means are of the markets'."""
    mean = {name: float(np.mean([getattr(c, name) for c in each])) for name in MEANS}
    runs, answers, held = (sum(getattr(c, name) for c in each) for name in ("runs", "answers", "held"))
    return Coverage(each[0].estimator, runs, answers, held, **mean)
