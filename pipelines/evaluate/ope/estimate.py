"""What an estimator says of a target, with how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipelines.evaluate.ope.bootstrap import RESAMPLES, interval
from pipelines.evaluate.ope.effective_sample_size import effective_sample_size
from pipelines.evaluate.ope.estimator import Estimator
from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.target import Target

LEAST_REWARDS: Final = 3.0
"""Effective rewards below which resamples hold too few of them to tell an interval."""


@dataclass(frozen=True)
class Estimate:
    """value: expected reward of a round under the target; low, high: its 95 % interval, nan where there is none.

    effective_sample_size: of the weights; effective_rewards: of the weighted rewards. leverage: the heaviest weight over the
    weighted sum of the rewards, by which share one more click could move the value. clipped: share of weights above the bound.
    unsupported: share of what the target shows that was never shown.
    """

    estimator: str
    value: float
    low: float
    high: float
    effective_sample_size: float
    effective_rewards: float
    leverage: float
    clipped: float
    unsupported: float


def estimate(estimator: Estimator, feedback: Feedback, target: Target, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """One estimator's answer. Raises PipelineError when the target is not about the feedback."""
    target.fits(feedback)
    moments = estimator.moments(feedback, target)
    rewards = effective_sample_size(moments.rewarded)
    low, high = interval(moments, seed, resamples) if rewards >= LEAST_REWARDS else (float("nan"), float("nan"))
    total, heaviest = float(moments.rewarded.sum()), float(moments.importance.max(initial=0.0))
    return Estimate(
        estimator.name, moments.value, low, high, effective_sample_size(moments.importance), rewards,
        heaviest / total if total > 0 else float("inf"), moments.clipped, target.unsupported,
    )  # fmt: skip
