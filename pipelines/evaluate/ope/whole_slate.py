"""Self-normalised inverse propensity score of whole slates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.evaluate.ope.clip import clip
from pipelines.evaluate.ope.estimator import Moments
from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.target import Target


@dataclass(frozen=True)
class WholeSlate:
    """The weighted mean of the rewards of rounds; a round's weight is π(slate | x) / p(slate | x), normalised by the weights' sum.

    It assumes nothing of how ads of one slate bear on each other, and pays for that in variance: few logged slates are ones that
    the target would show. Needs the chance of whole slates.
    """

    bound: float | None = None
    name: str = "slate_snips"

    def applies(self, feedback: Feedback, target: Target) -> bool:
        return feedback.slate_propensity is not None and target.slate_probability is not None

    def moments(self, feedback: Feedback, target: Target) -> Moments:
        assert feedback.slate_propensity is not None and target.slate_probability is not None, "applies() was asked"
        weight, clipped = clip(target.slate_probability, feedback.slate_propensity, self.bound)
        gain = weight * feedback.per_round(feedback.reward)
        by_ad = np.where(feedback.shown, weight[feedback.round], 0.0)
        return Moments(gain, weight, np.ones(feedback.rounds), by_ad, by_ad * feedback.reward, clipped)
