"""All estimates of a target from one log: one of each estimator with its verdict, and one of each position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.evaluate.ope import estimators
from pipelines.evaluate.ope.estimate import Estimate, estimate
from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.position import at_position
from pipelines.evaluate.ope.self_normalised import SelfNormalised
from pipelines.evaluate.ope.target import Target
from pipelines.evaluate.ope.verdict import OpeVerdict, verdict

PRIMARY: Final = ("doubly_robust", "snips")
"""The estimators whose verdict counts, the first that answers: the doubly robust is right where the propensities are, and its intervals are
narrower than those of estimators that use weights alone; it needs every option of the target, without which the second stands in."""


@dataclass(frozen=True)
class Answer:
    """logged: mean reward of a round under the policy that logged. verdicts: one an estimate. silent: estimators that lack something,
    each with what that is. positions: by position, of single ads there (self-normalised); none where the log has one position only."""

    target: str
    rounds: int
    slots: int
    logged: float
    estimates: tuple[Estimate, ...]
    verdicts: tuple[OpeVerdict, ...]
    silent: tuple[tuple[str, str], ...]
    positions: dict[int, Estimate]

    @property
    def verdict(self) -> OpeVerdict:
        """That of the primary estimator."""
        by_name = {e.estimator: v for e, v in zip(self.estimates, self.verdicts, strict=True)}
        return next(by_name[name] for name in PRIMARY if name in by_name)


def answer(feedback: Feedback, target: Target, seed: int, bound: float | None = None, threads: int = 2) -> Answer:
    """Asks every estimator. Raises PipelineError when the target is not about the feedback."""
    target.fits(feedback)
    every = estimators(bound, seed, threads)
    found = tuple(estimate(e, feedback, target, seed) for e in every if e.applies(feedback, target))
    logged = float(feedback.reward.sum()) / feedback.rounds
    places = [int(k) for k in np.unique(feedback.position)]
    by_position = {k: estimate(SelfNormalised(bound), *at_position(feedback, target, k), seed) for k in places} if len(places) > 1 else {}
    return Answer(
        target.name, feedback.rounds, len(feedback), logged, found, tuple(verdict(e, logged) for e in found),
        tuple((e.name, e.needs) for e in every if not e.applies(feedback, target)), by_position,
    )  # fmt: skip
