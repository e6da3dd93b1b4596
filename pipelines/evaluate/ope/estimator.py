"""What an off-policy estimator has to offer, and the form of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipelines.evaluate.ope.feedback import Feedback, Floats
from pipelines.evaluate.ope.target import Target


@dataclass(frozen=True)
class Moments:
    """An estimate as means over rounds: value = mean(gain) x mean(slots) / mean(weight); arrays of shape (rounds,).

    Where weights are not normalised, weight and slots are 1. Rounds are independent of each other, slots of one are not. importance:
    the weight by which the reward of each slot was counted, 0 of an empty one, (n,); rewarded: the rewards so weighted, (n,).
    clipped: share of the weights' sum that the bound took away. raw: importance as it was before the bound, (n,).
    """

    gain: Floats
    weight: Floats
    slots: Floats
    importance: Floats
    rewarded: Floats
    clipped: float
    raw: Floats

    @property
    def value(self) -> float:
        """Expected reward of a round; nan where no weight is left to normalise by."""
        return float(self.gain.mean()) * self.scale

    @property
    def scale(self) -> float:
        """By how much a weighted reward counts in the sum over rounds; nan where no weight is left."""
        weight = float(self.weight.mean())
        return float(self.slots.mean()) / weight if weight > 0 else float("nan")

    @property
    def rate(self) -> float:
        """Weighted rewards per weight, in [0, 1]; 0 where no weight is left."""
        total = float(self.importance.sum())
        return min(max(float(self.rewarded.sum()) / total, 0.0), 1.0) if total > 0 else 0.0


class Estimator(Protocol):
    """One way to estimate a target's value from another policy's feedback."""

    @property
    def name(self) -> str: ...
    @property
    def needs(self) -> str:
        """What it must be told beyond the chance of what was logged, in words; "" for nothing."""
        ...

    def applies(self, feedback: Feedback, target: Target) -> bool:
        """Whether the log and the target hold what this estimator needs."""
        ...

    def moments(self, feedback: Feedback, target: Target) -> Moments: ...
