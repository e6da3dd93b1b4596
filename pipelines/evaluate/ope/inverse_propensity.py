"""Inverse propensity score, position by position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.evaluate.ope.clip import clip
from pipelines.evaluate.ope.estimator import Moments
from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.target import Target


@dataclass(frozen=True)
class InversePropensity:
    """The mean of reward × π(a | x, k) / p(a | x, k) over rounds, summed over positions k (Horvitz and Thompson, 1952; for
    recommendation Li et al., 2011).

    Weights per item and position (the item-position model of Li et al., 2018): unbiased when an ad's reward at a position does not
    depend on the ads beside it. bound: see clip.
    """

    bound: float | None = None
    name: str = "ips"

    def applies(self, feedback: Feedback, target: Target) -> bool:
        return True

    def moments(self, feedback: Feedback, target: Target) -> Moments:
        weight, clipped = clip(target.probability, feedback.propensity, self.bound)
        weight = np.where(feedback.shown, weight, 0.0)  # an empty slot earns nothing and tells nothing
        gain, one = feedback.per_round(weight * feedback.reward), np.ones(feedback.rounds)
        return Moments(gain, one, one, weight, weight * feedback.reward, clipped)
