"""Self-normalised inverse propensity score, position by position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.evaluate.ope.clip import clip
from pipelines.evaluate.ope.estimator import Moments
from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.target import Target


@dataclass(frozen=True)
class SelfNormalised:
    """The weighted mean of the rewards of ads, times the ads that the target shows in a round (Swaminathan and Joachims, 2015).

    Weights as in InversePropensity, divided by their own sum instead of what it should be: a little bias, much less variance, and
    never outside the range of the rewards. Of a deterministic target on a uniform log it is the mean over the matching rows. How
    many slots the target fills is known, not estimated: the log need not have left a slot empty where the target would.

    A coin chose between ads 0 and 1 in four rounds and showed ad 0 three times, which was clicked once. For a policy that always
    shows ad 0 the three rows with ad 0 weigh 2 each: 2 × 1 click / (2 + 2 + 2), the click rate of those rows.

    >>> same = np.zeros((4, 1), np.float32)
    >>> log = Feedback(
    ...     rounds=4, round=np.arange(4), action=np.array([0, 0, 0, 1]), position=np.ones(4, int),
    ...     reward=np.array([1.0, 0.0, 0.0, 0.0]), propensity=np.full(4, 0.5), context=same,
    ... )
    >>> always_0 = Target("always 0", np.array([1.0, 1.0, 1.0, 0.0]), np.arange(4), np.ones(4), same)
    >>> round(SelfNormalised().moments(log, always_0).value, 4)
    0.3333
    """

    bound: float | None = None
    name: str = "snips"
    needs: str = ""

    def applies(self, feedback: Feedback, target: Target) -> bool:
        return True

    def moments(self, feedback: Feedback, target: Target) -> Moments:
        raw = np.where(feedback.shown, target.probability / feedback.propensity, 0.0)  # an empty slot earns nothing and tells nothing
        weight, clipped = clip(raw, self.bound)
        gain = feedback.per_round(weight * feedback.reward)
        slots = feedback.per_round(target.filled(feedback))
        return Moments(gain, feedback.per_round(weight), slots, weight, weight * feedback.reward, clipped, raw)
