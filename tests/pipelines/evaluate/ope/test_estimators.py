"""The contract of every estimator: right by hand, right on average, itself on its own log, and bounded where asked to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pipelines.evaluate.ope as package
from pipelines.errors import PipelineError
from pipelines.evaluate.ope import estimators
from pipelines.evaluate.ope.carrying_size import carrying_size
from pipelines.evaluate.ope.clip import clip
from pipelines.evaluate.ope.doubly_robust import DoublyRobust
from pipelines.evaluate.ope.effective_sample_size import effective_sample_size
from pipelines.evaluate.ope.estimate import estimate
from pipelines.evaluate.ope.estimator import Estimator
from pipelines.evaluate.ope.feedback import EMPTY, Feedback
from pipelines.evaluate.ope.inverse_propensity import InversePropensity
from pipelines.evaluate.ope.logged_market import LoggedMarket
from pipelines.evaluate.ope.outcome_model import expected_rewards
from pipelines.evaluate.ope.self_normalised import SelfNormalised
from pipelines.evaluate.ope.target import Target
from pipelines.evaluate.ope.verdict import influence
from pipelines.evaluate.ope.whole_slate import WholeSlate

EVERY = estimators()
BY_HAND = {
    "ips": (1 / 0.5) / 4,
    "snips": (1 / 0.5) / (1 / 0.5 + 1 / 0.25),
    "slate_snips": (1 / 0.5) / (1 / 0.5 + 1 / 0.25),
}
"""Of the policy that always shows item 0; the doubly robust one depends on its model, see below."""


def test_every_estimator_of_the_package_is_under_contract() -> None:
    """A class with `moments` in a file of the package, but not in the list, would never be asked."""
    folder = Path(package.__file__).parent
    written = {p.stem for p in folder.glob("*.py") if "def moments(" in p.read_text() and p.stem != "estimator"}
    assert written == {type(e).__module__.rsplit(".", 1)[1] for e in EVERY}
    assert len({e.name for e in EVERY}) == len(EVERY)


@pytest.mark.parametrize("estimator", [e for e in EVERY if e.name in BY_HAND], ids=lambda e: e.name)
def test_by_hand(estimator: Estimator, four: Callable[..., Feedback], always_zero: Target) -> None:
    unbounded = replace(estimator, bound=np.inf)  # type: ignore[type-var]
    assert unbounded.moments(four(), always_zero).value == pytest.approx(BY_HAND[estimator.name])


def test_doubly_robust_by_hand(four: Callable[..., Feedback], always_zero: Target) -> None:
    """The model's expectation of what the target shows, and the weighted residuals of what was shown."""
    feedback, robust = four(), DoublyRobust(bound=np.inf)
    logged, options = expected_rewards(feedback, always_zero, robust.seed, robust.threads)
    weight = np.array([2.0, 4.0, 0.0, 0.0])
    assert robust.moments(feedback, always_zero).value == pytest.approx(np.mean(options + weight * (feedback.reward - logged)))


@pytest.mark.parametrize("estimator", EVERY, ids=lambda e: e.name)
def test_right_on_average(estimator: Estimator, market: LoggedMarket, drawn: tuple[Feedback, Target]) -> None:
    moments = estimator.moments(*drawn)
    found = estimate(estimator, *drawn, seed=1, resamples=200)
    error = (found.high - found.low) / 4
    assert abs(moments.value - market.value) < 4 * error
    assert error < 0.15 * market.value, "a test that any value would pass tests nothing"
    naive = float(drawn[0].reward.sum()) / drawn[0].rounds
    assert abs(naive - market.logged_value) < 4 * np.sqrt(naive / drawn[0].rounds), "the log itself is of the logging policy"
    assert market.value > 1.05 * market.logged_value


@pytest.mark.parametrize("estimator", EVERY, ids=lambda e: e.name)
def test_a_policy_that_logged_itself_earns_what_was_logged(estimator: Estimator, four: Callable[..., Feedback]) -> None:
    feedback = four()
    options = np.repeat(np.arange(4), 2)
    chances = np.stack([feedback.propensity, 1 - feedback.propensity], axis=1).ravel()
    same = Target("same", feedback.propensity, options, chances, np.zeros((8, 1), np.float32), feedback.slate_propensity)
    assert estimator.moments(feedback, same).value == pytest.approx(feedback.reward.mean(), abs=0.3 if "robust" in estimator.name else 1e-9)


@pytest.mark.parametrize("estimator", EVERY, ids=lambda e: e.name)
def test_a_bound_is_kept_and_told(estimator: Estimator, drawn: tuple[Feedback, Target]) -> None:
    bounded = replace(estimator, bound=2.0)  # type: ignore[type-var]
    moments = bounded.moments(*drawn)
    assert moments.importance.max() == 2.0
    assert 0 < moments.clipped < 1
    free = estimator.moments(*drawn)
    assert free.importance.max() > 2 and free.clipped == 0
    assert effective_sample_size(moments.importance) > effective_sample_size(free.importance)


def test_the_default_bound_grows_with_the_log() -> None:
    weights, clipped = clip(np.full(100, 100.0))
    assert weights.max() == 10 and clipped == pytest.approx(0.9)
    weights, clipped = clip(np.full(40_000, 100.0))
    assert weights.max() == 100 and clipped == 0


def test_doubly_robust_is_narrower_than_weights_alone(drawn: tuple[Feedback, Target]) -> None:
    spread = {e.name: float(influence(e.moments(*drawn)).std()) for e in EVERY}
    assert spread["doubly_robust"] < spread["ips"]
    assert spread["slate_snips"] > 1.1 * spread["snips"], "whole slates cost variance"


def test_a_slot_that_the_target_leaves_empty_is_normalised_by_what_is_known(four: Callable[..., Feedback]) -> None:
    """The policy shows item 0 in the first two rounds and nothing in the others, where the log never left a slot empty."""
    chance = np.array([1.0, 1.0, 0.0, 0.0])
    target = Target("half", chance, np.arange(2), np.ones(2), np.zeros((2, 1), np.float32))
    even = four(propensity=np.full(4, 0.5))
    assert SelfNormalised(np.inf).moments(even, target).value == pytest.approx(0.5 * 0.5), (
        "half the rounds have an ad, half of those a click"
    )
    empty = four(action=np.array([0, 0, EMPTY, EMPTY]), reward=np.array([1.0, 0, 0, 0]))
    assert SelfNormalised(np.inf).moments(empty, target).value == pytest.approx(0.5 * (2 / (2 + 4)))


def test_effective_sample_size_by_hand() -> None:
    assert effective_sample_size(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_sample_size(np.array([1.0, 0, 0])) == 1
    assert effective_sample_size(np.array([3.0, 1.0])) == pytest.approx(16 / 10)
    assert effective_sample_size(np.zeros(3)) == 0


def test_carrying_size_by_hand() -> None:
    assert carrying_size(np.full(7, 3.0)) == pytest.approx(7)
    assert carrying_size(np.array([2.0, 1.0])) == pytest.approx(125 / 81)
    assert carrying_size(np.r_[np.ones(1_000), np.full(4, 1_000.0)]) == pytest.approx(4, rel=0.01), "the light ones hardly tell"
    assert carrying_size(np.zeros(3)) == 0


def test_whole_slates_need_their_chances(four: Callable[..., Feedback], always_zero: Target) -> None:
    assert WholeSlate().applies(four(), always_zero)
    assert not WholeSlate().applies(four(slate_propensity=None), always_zero)
    assert not WholeSlate().applies(four(), replace(always_zero, slate_probability=None))


def test_an_outcome_model_never_judges_what_it_was_taught(market: LoggedMarket) -> None:
    """With every reward known only by its own row's context, a model that had seen the row would foretell it."""
    feedback, _ = market.draw(seed=2, rounds=400)
    rng = np.random.default_rng(0)
    luck = (rng.random(len(feedback)) < 0.5).astype(np.float64)
    noise = rng.random((len(feedback), 1)).astype(np.float32)
    shown = replace(feedback, action=np.zeros(len(feedback), np.int64), reward=luck, context=noise)
    target = Target("t", luck, np.arange(len(feedback)), np.ones(len(feedback)), noise)
    logged, options = expected_rewards(shown, target, seed=7)
    assert np.array_equal(logged, options), "a slot's options are judged by the model that did not see its round"
    assert abs(np.corrcoef(logged, luck)[0, 1]) < 0.12


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"propensity": np.array([0.5, 0.0, 0.5, 0.5])}, "propensity of row 1: 0.0"),
        ({"propensity": np.array([0.5, 0.5, 1.5, 0.5])}, "propensity of row 2: 1.5"),
        ({"propensity": np.array([0.5, np.nan, 0.5, 0.5])}, "propensity of row 1: nan"),
        ({"slate_propensity": np.array([0.5, 0.5, 0.5, -1.0])}, "slate propensity of row 3"),
        ({"slate_propensity": np.ones(3)}, "slate propensities: 3"),
        ({"reward": np.array([0.0, np.inf, 0, 0])}, "reward of row 1"),
        ({"reward": np.array([0.0, 0.0, 1.5, 0])}, "reward of row 2: 1.5"),
        ({"reward": np.array([0.0, 0.0, 0.0, -1.0])}, "reward of row 3: -1.0"),
        ({"position": np.array([1, 0, 1, 1])}, "position of row 1: 0"),
        ({"round": np.array([0, 1, 2, 4])}, "round of row 3: 4"),
        ({"action": np.zeros(3, np.int64)}, "feedback action: 3"),
        ({"context": np.zeros(4, np.float32)}, "feedback context"),
        ({"rounds": 0}, "0 rounds"),
    ],
)
def test_feedback_that_is_none_is_refused_by_name(four: Callable[..., Feedback], changes: dict[str, object], says: str) -> None:
    with pytest.raises(PipelineError) as refused:
        four(**changes)
    assert says in f"{refused.value.thing}: {refused.value.value}" and refused.value.fix and refused.value.exit_code == 2


def test_a_target_of_another_log_is_refused(four: Callable[..., Feedback], always_zero: Target) -> None:
    short = replace(always_zero, probability=np.ones(3))
    loud = replace(always_zero, probability=np.full(4, 2.0))
    for target, says in ((short, "3 slots"), (loud, "outside")):
        with pytest.raises(PipelineError, match=says):
            estimate(InversePropensity(), four(), target, seed=1)
