"""The contract of the estimators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluate.ope.feedback import Feedback, Floats, Ints
from pipelines.evaluate.ope.target import Target


@dataclass(frozen=True)
class Moments:
    """An estimate as means over rounds: value = mean(gain) x mean(slots) / mean(weight); arrays of shape (rounds,).

    Where weights are not normalised, weight and slots are 1. Rounds are independent of each other, slots of one are not: this is
    all that an interval needs. importance: the weights by which logged rewards were counted, (k,); rewarded: the rewards so weighted;
    unit: the round of each, (k,). clipped: share of the weights above the bound.
    """

    gain: Floats
    weight: Floats
    slots: Floats
    importance: Floats
    rewarded: Floats
    unit: Ints
    clipped: float

    @property
    def value(self) -> float:
        """Expected reward of a round; nan where no weight is left to normalise by."""
        weight = float(self.weight.mean())
        return float(self.gain.mean() * self.slots.mean() / weight) if weight > 0 else float("nan")

    @property
    def columns(self) -> NDArray[np.float64]:
        """(rounds, 6): gain, weight, slots; sums of importance, its square and what was rewarded."""
        sums = (np.bincount(self.unit, weights=x, minlength=len(self.gain)) for x in (self.importance, self.importance**2, self.rewarded))
        return np.stack([self.gain, self.weight, self.slots, *sums], axis=1)


class Estimator(Protocol):
    """One way to estimate a target's value from another policy's feedback."""

    @property
    def name(self) -> str: ...

    def applies(self, feedback: Feedback, target: Target) -> bool:
        """Whether the log says what it needs."""
        ...

    def moments(self, feedback: Feedback, target: Target) -> Moments: ...
