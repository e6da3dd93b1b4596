"""Off-policy evaluation: what a policy would have earned, estimated from what another policy showed with known probabilities.

A new estimator is a class in a file of its own and an entry in `estimators`.
"""

from __future__ import annotations

from pipelines.evaluate.ope.doubly_robust import DoublyRobust
from pipelines.evaluate.ope.estimator import Estimator
from pipelines.evaluate.ope.inverse_propensity import InversePropensity
from pipelines.evaluate.ope.self_normalised import SelfNormalised
from pipelines.evaluate.ope.whole_slate import WholeSlate


def estimators(bound: float | None = None, seed: int = 7, threads: int = 2) -> tuple[Estimator, ...]:
    """Every estimator. bound: the largest importance weight, see `clip`; seed and threads: of the outcome model."""
    return InversePropensity(bound), SelfNormalised(bound), DoublyRobust(bound, seed, threads), WholeSlate(bound)
