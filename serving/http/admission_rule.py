"""Whether a queue has a place for one more request: by number, and by how long it would foreseeably take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

FORGET: Final = 0.1
"""Weight of the newest piece of work in the mean of what one takes."""
PATIENT: Final = 0.6
"""Share of the usual deadline in which a decision has to come foreseeably for its request to be let in."""


@dataclass
class AdmissionRule:
    """at_once: threads that work. most: requests that may be inside, worked on or waiting. patience: seconds in which a request wants to be
    answered; one that would foreseeably take longer finds no place, unless a thread is free. took: what a piece of work takes in its
    thread, seconds: a moving mean."""

    at_once: int
    most: int
    patience: float = math.inf
    took: float = 0.0

    def full(self, inside: int) -> bool:
        """Whether there is no place for one more, beside so many."""
        if inside < self.at_once:
            return False
        return inside >= self.most or (inside / self.at_once + 1) * self.took > self.patience

    def learn(self, seconds: float) -> None:
        """A piece of work took so long in its thread."""
        self.took += FORGET * (seconds - self.took)


def for_decisions(at_once: int, waiting: int, deadline: float) -> AdmissionRule:
    """The rule of the queue of decisions. waiting: requests that may wait for a thread. deadline: the usual one, seconds."""
    return AdmissionRule(at_once, at_once + waiting, PATIENT * deadline)
