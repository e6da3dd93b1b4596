"""The policy whose value is to be estimated: what it would do in the rounds of a log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError
from pipelines.evaluate.ope.feedback import Feedback, Floats, Ints


@dataclass(frozen=True)
class Target:
    """What a policy would do in the rounds of a Feedback of n slots.

    probability: (n,) P(the logged action at its position | round). slate_probability: (rounds,) P(the logged slate | round), None
    where slates are unknown. The m options are all it may show with its chances: option_slot, the slot (row of the feedback) each
    is for; option_probability; option_context (m, d), as the outcome model reads it. An empty slot is no option: it earns nothing.
    unsupported: share of what it shows that the policy that logged never would have; no weight brings that back. complete: the options
    are told; where they are not (there are none then), only `probability` is known, and the target fills the slots that the log filled.
    """

    name: str
    probability: Floats
    option_slot: Ints
    option_probability: Floats
    option_context: NDArray[np.float32]
    slate_probability: Floats | None = None
    unsupported: float = 0.0
    complete: bool = True

    def filled(self, feedback: Feedback) -> Floats:
        """The chance that the target shows an ad in each slot, (n,)."""
        if not self.complete:
            return feedback.shown.astype(np.float64)
        return np.bincount(self.option_slot, weights=self.option_probability, minlength=len(feedback)).astype(np.float64)

    def most(self, feedback: Feedback) -> float:
        """The most that a round can earn on average under the target: no ad earns more than 1."""
        return float(self.filled(feedback).sum()) / feedback.rounds

    def fits(self, feedback: Feedback) -> None:
        """Raises PipelineError when the target's arrays do not fit this feedback, or when its probabilities are outside [0, 1]."""
        if len(self.probability) != len(feedback) or self.option_context.shape[1] != feedback.context.shape[1]:
            shapes = f"{len(self.probability)} slots, {self.option_context.shape[1]} columns"
            raise PipelineError(f"target {self.name}", shapes, f"The feedback has {len(feedback)} and {feedback.context.shape[1]}.")
        for chances in (self.probability, self.option_probability, self.slate_probability):
            if chances is not None and not ((chances >= 0) & (chances <= 1 + 1e-9)).all():
                raise PipelineError(f"target {self.name}", "chances outside [0, 1]", "A policy's chances are probabilities.")
