"""Intervals: against the normal ones where those are right, coverage of the truth, and what is said when there is too little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines.bench.ope import run
from pipelines.evaluate.ope import estimators
from pipelines.evaluate.ope.bootstrap import interval
from pipelines.evaluate.ope.coverage import coverage
from pipelines.evaluate.ope.estimate import Estimate, estimate
from pipelines.evaluate.ope.estimator import Moments
from pipelines.evaluate.ope.feedback import EMPTY, Feedback
from pipelines.evaluate.ope.inverse_propensity import InversePropensity
from pipelines.evaluate.ope.logged_market import DEPTH, LoggedMarket
from pipelines.evaluate.ope.self_normalised import SelfNormalised
from pipelines.evaluate.ope.target import Target
from pipelines.evaluate.ope.verdict import OpeVerdict, compare, difference, influence, verdict
from pipelines.evaluate.ope.whole_slate import WholeSlate

SOUND = Estimate("ips", 0.02, 0.015, 0.025, 5_000.0, 90.0, 0.03, 0.0, 0.0)


def moments_of(gain: np.ndarray, weight: np.ndarray | None = None) -> Moments:
    one = np.ones(len(gain))
    nothing = np.zeros(1)
    return Moments(gain, one if weight is None else weight, one, nothing, nothing, nothing.astype(np.int64), 0.0)


@pytest.mark.parametrize("digits", [1, 12], ids=["few distinct rounds", "all distinct"])
def test_of_a_plain_mean_it_is_the_textbook_one(digits: int) -> None:
    x = np.round(np.random.default_rng(0).normal(5, 2, 4_000), digits)
    low, high = interval(moments_of(x), seed=1)
    error = x.std() / np.sqrt(len(x))
    assert (low, high) == pytest.approx((x.mean() - 1.96 * error, x.mean() + 1.96 * error), abs=0.3 * error)
    assert interval(moments_of(x), seed=1) == (low, high), "the same seed, the same interval"


def test_of_a_ratio_it_knows_that_both_vary_together() -> None:
    rng = np.random.default_rng(0)
    weight = rng.gamma(2.0, 1.0, 3_000)
    low, high = interval(moments_of(0.3 * weight + 0.01 * rng.normal(size=3_000), weight), seed=1)
    assert low < 0.3 < high and high - low < 0.002, "gain follows weight: hardly anything is uncertain"


def test_nothing_that_varies_has_no_interval() -> None:
    assert np.isnan(interval(moments_of(np.full(50, 0.5)), seed=1)).all()
    low, high = interval(moments_of(np.r_[np.zeros(500), np.ones(4)]), seed=1)
    assert 0 <= low < 4 / 504 < high
    with_sign = interval(moments_of(np.r_[np.full(50, -1.0), np.full(48, 1.0)]), seed=1, signed=True)
    assert with_sign[0] < 0 < with_sign[1]


def test_the_markets_value_is_that_of_serving_the_target(market: LoggedMarket) -> None:
    """On-policy: a log in which nothing is dealt and the usual slate is the target's."""
    served = replace(market, share=0.0, usual=market.target)
    feedback, _ = served.draw(seed=5, rounds=200_000)
    assert np.array_equal(np.unique(feedback.propensity), [1.0])
    assert feedback.reward.sum() / feedback.rounds == pytest.approx(market.value, abs=5 * np.sqrt(market.value / 200_000))


def test_the_markets_chances_are_frequencies(market: LoggedMarket) -> None:
    richest = [int(market.eligible.sum(axis=1).argmax())]
    one = replace(market, **{n: getattr(market, n)[richest] for n in ("cand", "eligible", "p", "guess", "person", "usual", "target")})
    n = 40_000
    feedback, _ = one.draw(seed=5, rounds=n)
    slates = feedback.action.reshape(n, DEPTH)
    assert feedback.slate_propensity is not None
    for values, told in ((slates, feedback.slate_propensity), *((slates[:, k], feedback.propensity[k::DEPTH]) for k in range(DEPTH))):
        seen, which, counts = np.unique(values, axis=0, return_inverse=True, return_counts=True)
        assert len(seen) > 1
        for i, count in enumerate(counts):
            chance = told[np.ravel(which) == i]
            assert np.ptp(chance) < 1e-12 and abs(count / n - chance[0]) < 5 * np.sqrt(chance[0] / n)


def test_coverage_of_the_truth_in_short(market: LoggedMarket) -> None:
    """48 runs: a true 95 % gives 41 or fewer in one test of a thousand. `placard bench ope` runs 200 and judges by 92 to 98 %."""
    by_ad, by_slate = [e for e in estimators() if e.name != "slate_snips"], [WholeSlate()]
    assert len(by_ad) == 3
    for asked, rounds in ((by_ad, 5_000), (by_slate, 20_000)):
        for c in coverage(market, runs=48, rounds=rounds, resamples=300, seed=11, asked=asked):
            assert c.covered >= 41 / 48 and c.leverage < 0.12, c
            assert abs(c.bias) < 0.06 and c.effective_sample_size > 100, c


def test_bench_ope_says_what_it_measured() -> None:
    said: list[str] = []
    result = run(seed=7, runs=20, rounds=500, resamples=50, threads=1, say=said.append)
    figures = {f["name"]: f for f in result["figures"]}
    assert result["name"] == "bench ope" and result["setup"]["runs"] == 20 and said == ["20 of 20 runs"]
    assert figures["ips_coverage"]["target"] == "0.92 to 0.98" and figures["doubly_robust_coverage"]["holds"] in (True, False)
    assert figures["target_value"]["value"] > figures["logged_value"]["value"] > 0


def test_a_verdict_names_what_is_too_little() -> None:
    good = verdict(SOUND, logged=0.01)
    assert good == OpeVerdict(0.02, 0.015, 0.025, 5_000.0, True, good.reason) and "better than" in good.reason
    assert "worse than" in verdict(SOUND, logged=0.03).reason and "not told apart" in verdict(SOUND, logged=0.02).reason
    for change, says in (
        ({"effective_sample_size": 40.0}, "effective sample size is 40.0"),
        ({"effective_rewards": 4.0}, "4.0 equal ones"),
        ({"leverage": 0.3}, "30.0%"),
        ({"unsupported": 0.2}, "20.0% of what the target shows"),
        ({"low": float("nan")}, "no interval"),
    ):
        thin = verdict(replace(SOUND, **change))  # type: ignore[arg-type]
        assert not thin.conclusive and says in thin.reason


def test_too_few_clicks_have_no_interval(four: Callable[..., Feedback], always_zero: Target) -> None:
    found = estimate(InversePropensity(), four(), always_zero, seed=1)
    assert np.isnan(found.low) and np.isnan(found.high) and not verdict(found).conclusive


def test_two_policies_are_compared_round_by_round(market: LoggedMarket, drawn: tuple[Feedback, Target]) -> None:
    """The target against the policy that shows the ads least likely to be clicked: an interval of the difference tells them apart."""
    feedback, better = drawn
    poorest = np.argsort(np.where(market.eligible, market.p, np.inf), axis=1)[:, :DEPTH]
    poorest = np.where(np.take_along_axis(market.eligible, poorest, axis=1), poorest, EMPTY)
    usual = replace(market, target=poorest).draw(seed=1, rounds=60_000)[1]
    found = compare(SelfNormalised(), feedback, better, usual, seed=1, resamples=300)
    assert found.conclusive and found.low > 0 and "better than" in found.reason
    back = compare(SelfNormalised(), feedback, usual, better, seed=1, resamples=300)
    assert back.estimate == pytest.approx(-found.estimate) and "worse than" in back.reason
    same = compare(SelfNormalised(), feedback, better, better, seed=1, resamples=300)
    assert (same.estimate, same.low, same.high) == (0, 0, 0) and "not told apart" in same.reason
    few = replace(market, target=market.usual).draw(seed=1, rounds=30)
    assert not compare(SelfNormalised(), few[0], few[1], few[1], seed=1, resamples=50).conclusive


def test_influence_is_what_a_round_pulls() -> None:
    rng = np.random.default_rng(0)
    moments = Moments(rng.random(200), 1 + rng.random(200), rng.random(200), np.zeros(1), np.zeros(1), np.zeros(1, np.int64), 0.0)
    pull = influence(moments)
    assert pull.mean() == pytest.approx(0, abs=1e-12)
    without = Moments(
        *(np.delete(c, 3) for c in (moments.gain, moments.weight, moments.slots)), np.zeros(1), np.zeros(1), np.zeros(1, np.int64), 0.0
    )
    assert (moments.value - without.value) * 199 == pytest.approx(pull[3], rel=0.05)
    assert difference(moments, moments, seed=1) == (0, 0, 0)
