"""A small market whose truth is known, and feedback that its logging policy would have left."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.logged_market import LoggedMarket
from pipelines.evaluate.ope.target import Target


@pytest.fixture(scope="session")
def market() -> LoggedMarket:
    return LoggedMarket.of(seed=3, requests=3_000, share=0.8)


@pytest.fixture(scope="session")
def drawn(market: LoggedMarket) -> tuple[Feedback, Target]:
    return market.draw(seed=1, rounds=60_000)


def four_rounds(**changes: object) -> Feedback:
    """One slot a round: items 0, 0, 1, 1 with chances 1/2, 1/4, 1/2, 3/4; the first and the last were clicked."""
    usual: dict[str, object] = {
        "rounds": 4, "round": np.arange(4), "action": np.array([0, 0, 1, 1]), "position": np.ones(4, np.int64),
        "reward": np.array([1.0, 0.0, 0.0, 1.0]), "propensity": np.array([0.5, 0.25, 0.5, 0.75]),
        "context": np.zeros((4, 1), np.float32), "slate_propensity": np.array([0.5, 0.25, 0.5, 0.75]),
    }  # fmt: skip
    return Feedback(**{**usual, **changes})  # type: ignore[arg-type]


@pytest.fixture
def four() -> Callable[..., Feedback]:
    return four_rounds


@pytest.fixture
def always_zero() -> Target:
    """A policy that shows item 0, on the four rounds."""
    first = np.array([1.0, 1.0, 0.0, 0.0])
    return Target("zero", first, np.arange(4), np.ones(4), np.zeros((4, 1), np.float32), first)
