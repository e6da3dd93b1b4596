"""A log of what a policy showed, with which probability, and what reward followed: the input of every off-policy estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
EMPTY: Final = -1
"""The action of a slot that stayed empty: a choice like any other, with a chance of its own and no reward."""


@dataclass(frozen=True)
class Feedback:
    """n slots of `rounds` rounds (decisions); slots of one round were chosen together. Arrays have shape (n,) unless said.

    round: which decision, 0 to rounds - 1. action: code of what was shown, EMPTY where nothing was. position: of the slot, from 1.
    reward: what came of it, in [0, 1] (a click: 1). propensity: P(this action at this position | round) under the policy that logged, in
    (0, 1]. context: (n, d) what an outcome model may read of round, action and position. slate_propensity: (rounds,) P(all slots
    as logged | round), None where the log does not say which rows were one slate.
    """

    rounds: int
    round: Ints
    action: Ints
    position: Ints
    reward: Floats
    propensity: Floats
    context: NDArray[np.float32]
    slate_propensity: Floats | None = None

    def __post_init__(self) -> None:
        n = len(self.round)
        if self.rounds < 1 or n < 1:
            raise PipelineError("feedback", f"{self.rounds} rounds, {n} slots", "There is nothing to estimate from; name a log with rows.")
        for name in ("action", "position", "reward", "propensity", "context"):
            if len(getattr(self, name)) != n:
                raise PipelineError(f"feedback {name}", len(getattr(self, name)), f"One is needed for each of the {n} slots.")
        if self.context.ndim != 2:
            raise PipelineError("feedback context", self.context.shape, f"It must have shape ({n}, columns).")
        _demand("round", self.round, (self.round >= 0) & (self.round < self.rounds), f"Rounds are numbered from 0 to {self.rounds - 1}.")
        _demand("position", self.position, self.position >= 1, "Positions count from 1.")
        _demand("reward", self.reward, (self.reward >= 0) & (self.reward <= 1), "Rewards are numbers from 0 to 1, a click 1.")
        demand_chances("propensity", self.propensity)
        if self.slate_propensity is not None:
            if len(self.slate_propensity) != self.rounds:
                raise PipelineError(
                    "slate propensities", len(self.slate_propensity), f"One is needed for each of the {self.rounds} rounds."
                )
            demand_chances("slate propensity", self.slate_propensity)

    def __len__(self) -> int:
        return len(self.round)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Which slots held an ad, (n,)."""
        return np.asarray(self.action != EMPTY)

    def per_round(self, values: NDArray[np.number]) -> Floats:
        """Sums over the slots of each round, shape (rounds,)."""
        return np.bincount(self.round, weights=values, minlength=self.rounds).astype(np.float64)


def _demand(what: str, values: NDArray[np.generic], good: NDArray[np.bool_], fix: str) -> None:
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise PipelineError(f"{what} of row {row}", values[row].item(), fix)


def demand_chances(what: str, values: Floats) -> None:
    """Raises PipelineError for the first of the values that is not a probability above 0."""
    fix = "It must be a probability above 0 and at most 1, that of what was shown; a log without exact ones cannot be re-weighted."
    _demand(what, values, (values > 0) & (values <= 1), fix)
