"""Doubly robust: an outcome model, corrected by weighted residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.evaluate.ope.clip import clip
from pipelines.evaluate.ope.estimator import Moments
from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.outcome_model import expected_rewards
from pipelines.evaluate.ope.target import Target


@dataclass(frozen=True)
class DoublyRobust:
    """Σ_a π(a | x, k) q(x, a, k) + w (r − q(x, a, k)) over the positions of a round (Dudík, Langford and Li, 2011).

    Right where either the propensities or the model q are; the better the model, the less is left to the weights. The model is
    cross-fitted, so that a round's own reward is not in what is expected of it. bound: the largest weight, see `clip`.

    A coin chose between ads 0 and 1 in four rounds and showed ad 0 three times; every ad was clicked. The model therefore expects 1
    of every ad, nothing is left for the weights to correct, and the value of always showing ad 0 is 1. Weights alone would say 1.5,
    since the coin happened to show ad 0 in three rounds of four.

    >>> same = np.zeros((4, 1), np.float32)
    >>> log = Feedback(
    ...     rounds=4, round=np.arange(4), action=np.array([0, 0, 0, 1]), position=np.ones(4, int),
    ...     reward=np.ones(4), propensity=np.full(4, 0.5), context=same,
    ... )
    >>> always_0 = Target("always 0", np.array([1.0, 1.0, 1.0, 0.0]), np.arange(4), np.ones(4), same)
    >>> DoublyRobust().moments(log, always_0).value
    1.0
    """

    bound: float | None = None
    seed: int = 7
    threads: int = 2
    name: str = "doubly_robust"
    needs: str = "the chance of every ad that the target may show"

    def applies(self, feedback: Feedback, target: Target) -> bool:
        return target.complete

    def moments(self, feedback: Feedback, target: Target) -> Moments:
        raw = np.where(feedback.shown, target.probability / feedback.propensity, 0.0)  # an empty slot earns nothing and tells nothing
        weight, clipped = clip(raw, self.bound)
        logged, options = expected_rewards(feedback, target, self.seed, self.threads)
        expected = np.bincount(target.option_slot, weights=target.option_probability * options, minlength=len(feedback))
        gain, one = feedback.per_round(expected + weight * (feedback.reward - logged)), np.ones(feedback.rounds)
        return Moments(gain, one, one, weight, weight * feedback.reward, clipped, raw)
