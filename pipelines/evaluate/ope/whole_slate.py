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

    A coin ordered ads 0 and 1 on pages of two slots: twice 0 before 1, twice 1 before 0. Of the two pages with 0 first, one was
    clicked; a policy that always puts 0 first therefore earns 1/2 a page.

    >>> same, chance = np.zeros((8, 1), np.float32), np.repeat([1.0, 1.0, 0.0, 0.0], 2)
    >>> log = Feedback(
    ...     rounds=4, round=np.repeat(np.arange(4), 2), action=np.array([0, 1, 0, 1, 1, 0, 1, 0]), position=np.tile([1, 2], 4),
    ...     reward=np.array([1.0, 0, 0, 0, 0, 0, 0, 1.0]), propensity=np.full(8, 0.5), context=same,
    ...     slate_propensity=np.full(4, 0.5),
    ... )
    >>> zero_first = Target("0 first", chance, np.arange(8), np.ones(8), same, slate_probability=chance[::2])
    >>> WholeSlate().moments(log, zero_first).value
    0.5
    """

    bound: float | None = None
    name: str = "slate_snips"
    needs: str = "the chances of whole slates"

    def applies(self, feedback: Feedback, target: Target) -> bool:
        return feedback.slate_propensity is not None and target.slate_probability is not None

    def moments(self, feedback: Feedback, target: Target) -> Moments:
        assert feedback.slate_propensity is not None and target.slate_probability is not None, "applies() was asked"
        raw = target.slate_probability / feedback.slate_propensity
        weight, clipped = clip(raw, self.bound)
        gain = weight * feedback.per_round(feedback.reward)
        by_ad, raw_by_ad = (np.where(feedback.shown, w[feedback.round], 0.0) for w in (weight, raw))
        return Moments(gain, weight, np.ones(feedback.rounds), by_ad, by_ad * feedback.reward, clipped, raw_by_ad)
