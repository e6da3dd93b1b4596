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
    depend on the ads beside it. bound: the largest weight, see `clip`.

    A coin chose between ads 0 and 1 in four rounds and showed ad 0 three times, which was clicked once. A policy that always shows
    ad 0 would do what was logged with chance 1 where the coin had 1/2, so each row with ad 0 counts twice: 2 × 1 click / 4 rounds.

    >>> same = np.zeros((4, 1), np.float32)
    >>> log = Feedback(
    ...     rounds=4, round=np.arange(4), action=np.array([0, 0, 0, 1]), position=np.ones(4, int),
    ...     reward=np.array([1.0, 0.0, 0.0, 0.0]), propensity=np.full(4, 0.5), context=same,
    ... )
    >>> always_0 = Target("always 0", np.array([1.0, 1.0, 1.0, 0.0]), np.arange(4), np.ones(4), same)
    >>> InversePropensity().moments(log, always_0).value
    0.5
    """

    bound: float | None = None
    name: str = "ips"
    needs: str = ""

    def applies(self, feedback: Feedback, target: Target) -> bool:
        return True

    def moments(self, feedback: Feedback, target: Target) -> Moments:
        raw = np.where(feedback.shown, target.probability / feedback.propensity, 0.0)  # an empty slot earns nothing and tells nothing
        weight, clipped = clip(raw, self.bound)
        gain, one = feedback.per_round(weight * feedback.reward), np.ones(feedback.rounds)
        return Moments(gain, one, one, weight, weight * feedback.reward, clipped, raw)
