"""One estimator's estimate of a target's value, with its interval and how much of the log carries the estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipelines.evaluate.ope.bootstrap_error import RESAMPLES
from pipelines.evaluate.ope.carrying_size import carrying_size
from pipelines.evaluate.ope.effective_sample_size import effective_sample_size
from pipelines.evaluate.ope.estimator import Estimator
from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.interval import interval
from pipelines.evaluate.ope.target import Target

LEAST_REWARDS: Final = 3.0
"""Below this effective number of rewards there is no interval, since too many bootstrap resamples would hold no reward at all."""


@dataclass(frozen=True)
class Estimate:
    """value: expected reward of a round under the target. low, high: the 95 % interval of the value, nan where there is none.

    effective_sample_size: how many equally weighted rows would tell as much as the weights before any bound; clipped_sample_size: as much
    as the bounded ones, which are more alike the lower the bound is and therefore say nothing of how much the log tells. expected_rewards:
    how many rewards the effective rows bring at the log's average rate. carrying_rewards: how many rewards the rows that carry the
    variance bring at that rate (see carrying_size), before any bound too. The last two are expectations on purpose: if estimates were
    refused for the few clicks that they happened to get, those that are left would be a selection by luck, for which intervals do not
    hold. clipped: share of the weights' sum that the bound took away. unsupported: share of what the target shows that the policy that
    logged could never have shown.
    """

    estimator: str
    value: float
    low: float
    high: float
    effective_sample_size: float
    clipped_sample_size: float
    expected_rewards: float
    carrying_rewards: float
    clipped: float
    unsupported: float


def estimate(estimator: Estimator, feedback: Feedback, target: Target, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """One estimator's answer. Raises PipelineError when the target is not about the feedback."""
    target.fits(feedback)
    moments = estimator.moments(feedback, target)
    sure = effective_sample_size(moments.rewarded) >= LEAST_REWARDS
    low, high = interval(moments, seed, resamples, target.most(feedback)) if sure else (float("nan"), float("nan"))
    size, rate = effective_sample_size(moments.raw), float(feedback.reward.sum()) / max(int(feedback.shown.sum()), 1)
    return Estimate(
        estimator.name, moments.value, low, high, size, effective_sample_size(moments.importance), size * rate,
        carrying_size(moments.raw) * rate, moments.clipped, target.unsupported,
    )  # fmt: skip
