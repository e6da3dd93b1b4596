"""The runner: accounting, error policy, the degradation ladder, and a defined answer to everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.engine.engine import Run
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.engine.surface import Surface
from serving.errors import ServingError
from serving.record.decision import Decision
from serving.record.request import AdRequest
from serving.understanding.profile import Profile
from tests.examples import examples

Ask = Callable[..., AdRequest]


def accounted(decision: Decision) -> None:
    f = decision.funnel
    assert f.sourced == f.shown + f.held + sum(f.rejected.values()) + f.narrowed
    assert min(f.shown, f.held, f.narrowed, *f.rejected.values(), 0) == 0
    assert f.shown == len(decision.shown)


class Fails:
    """A component of every stage that always raises."""

    def __getattr__(self, verb: str) -> Any:
        def fail(*args: object) -> object:
            raise RuntimeError("out of order")

        return fail


class Draws:
    """A rule, or a recaller, that keeps a random share."""

    def __init__(self, seed: int, share: float) -> None:
        self._rng, self._share = np.random.default_rng(seed), share

    def admit(self, request: AdRequest, context: Context, candidates: Any) -> np.ndarray:
        return self._rng.random(len(candidates)) < self._share


def test_a_full_answer(bench: Any) -> None:
    decision = bench.decide()
    accounted(decision)
    assert decision.rung == "full" and decision.policy == "click@1" and decision.no_ad_reason == ""
    assert [a.position for a in decision.shown] == [1, 2, 3]
    assert [a.ecpm_micros for a in decision.shown] == sorted((a.ecpm_micros for a in decision.shown), reverse=True)
    assert len({a.advertiser_id for a in decision.shown}) == 3, "nobody fills a slate"
    assert set(decision.stage_ms) == {"understanding", "sourcing", "recall", "integrity", "precision", "delivery"}
    for ad in decision.shown:
        assert ad.price is not None and 0 <= ad.price.price_micros <= ad.bid_micros and ad.features


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    shares=st.lists(st.floats(0, 1), min_size=2, max_size=4),
    broken=st.sets(st.sampled_from(["recall", "integrity", "precision", "delivery", "sourcing", "eligibility"])),
    slots=st.integers(0, 5),
    tmax=st.sampled_from([1, 60_000]),
)
def test_everything_sourced_is_accounted_for(
    bench: Any, ask: Ask, seed: int, shares: list[float], broken: set[str], slots: int, tmax: int
) -> None:
    rules = tuple(Draws(seed + i, s) for i, s in enumerate(shares))
    surface = replace(bench.surface, eligibility=(rules[0],), integrity=rules[1:])
    for stage in broken:
        surface = replace(surface, **{stage: Fails() if stage == "delivery" else (Fails(),)})
    decision = bench.decide(ask(slots=slots, tmax_ms=tmax, request_id=f"r{seed}"), surface=surface)
    accounted(decision)
    assert bool(decision.shown) == (decision.no_ad_reason == "")
    if not decision.shown:
        assert decision.rung == "no_ad"


@pytest.mark.parametrize("stage", ["eligibility", "integrity"])
def test_a_rule_that_fails_lets_nothing_through(bench: Any, stage: str) -> None:
    decision = bench.decide(surface=replace(bench.surface, **{stage: (Fails(),)}))
    accounted(decision)
    assert decision.shown == () and decision.no_ad_reason == "no_candidate"
    assert "Fails_failed:RuntimeError" in decision.errors


@pytest.mark.parametrize("bad", [np.ones(3, bool), np.array("x"), np.ones(400)])
def test_a_rule_that_answers_nonsense_lets_nothing_through(bench: Any, bad: np.ndarray) -> None:
    class Nonsense:
        def admit(self, *args: object) -> np.ndarray:
            return bad

    decision = bench.decide(surface=replace(bench.surface, integrity=(Nonsense(),)))
    accounted(decision)
    assert decision.shown == ()


def test_a_recaller_that_fails_hands_over_to_the_next(bench: Any) -> None:
    decision = bench.decide(surface=replace(bench.surface, recall=(Fails(), bench.surface.recall[1])))
    accounted(decision)
    assert decision.shown and "Fails_failed:RuntimeError" in decision.errors


def test_a_source_that_fails_is_tolerated(bench: Any) -> None:
    decision = bench.decide(surface=replace(bench.surface, sourcing=(Fails(), *bench.surface.sourcing)))
    accounted(decision)
    assert decision.shown and list(decision.funnel.sources) == ["Campaigns"]


def test_the_ladder_names_the_rung_that_answered(bench: Any, ask: Ask) -> None:
    bundle = bench.live.bundle("click", "champion")
    previous = Live(bench.snapshot, {("click", "previous"): bundle})
    assert bench.decide().rung == "full"
    assert bench.decide(live=previous).rung == "fallback"
    bare = bench.decide(live=Live(bench.snapshot))
    assert bare.rung == "popular" and bare.policy == "historical_rate" and bare.shown and bare.shown[0].features == b""
    for decision in (bench.decide(live=previous), bare, bench.decide(ask(tmax_ms=1))):
        accounted(decision)


def test_a_scorer_that_does_not_apply_is_passed_by_and_nothing_is_out_of_order(bench: Any) -> None:
    class Elsewhere:
        def enable(self, *_: object) -> bool:
            return False

        def score(self, *_: object) -> Any:
            raise AssertionError("it does not apply")

    decision = bench.decide(surface=replace(bench.surface, precision=(Elsewhere(), *bench.surface.precision)))
    accounted(decision)
    assert (decision.rung, decision.flags, decision.errors) == ("full", (), ())


def spends(monkeypatch: pytest.MonkeyPatch, *shares: float) -> None:
    """The share of the deadline that is gone whenever the engine looks; the last one stays."""
    told = chain(shares, repeat(shares[-1]))
    monkeypatch.setattr(Run, "spent", property(lambda _: next(told)))
    monkeypatch.setattr("serving.engine.engine.FEW", 5)


@pytest.mark.parametrize("shares", [(0.31,), (0.29, 0.41), (0.0, 0.89)], ids=["recall", "precision", "just before the end"])
def test_a_late_request_is_flagged_and_is_no_error(bench: Any, monkeypatch: pytest.MonkeyPatch, shares: tuple[float, ...]) -> None:
    """When recall begins after the end of its own time, or precision after the end of integrity's, fewer candidates go on."""
    spends(monkeypatch, *shares)
    decision = bench.decide()
    accounted(decision)
    assert (decision.rung, decision.flags, decision.errors) == ("fewer_candidates", ("late",), ())
    assert sum(decision.scored.values()) == 5 and decision.shown


def test_time_that_a_stage_does_not_use_moves_on(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recall that begins at 29 % and precision at 39 % are in time, although neither sourcing nor recall kept its own share."""
    spends(monkeypatch, 0.29, 0.39)
    decision = bench.decide()
    assert (decision.rung, decision.flags) == ("full", ())


def test_shares_of_the_deadline_are_a_setting(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spends(monkeypatch, 0.29, 0.39)
    shares = (0.1, 0.1, 0.1, 0.6, 0.1)
    decision = bench.decide(settings=bench.settings.changed(stage_shares=shares))
    assert decision.rung == "fewer_candidates"


def test_where_sourcing_takes_too_long_the_first_source_is_enough(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Never:
        def source(self, *_: object) -> Any:
            raise AssertionError("its time is gone")

    surface = replace(bench.surface, sourcing=(*bench.surface.sourcing, Never()))
    assert "Never_failed:AssertionError" in bench.decide(surface=surface).errors
    spends(monkeypatch, 0.11, 0.2)
    decision = bench.decide(surface=surface)
    accounted(decision)
    assert decision.errors == () and decision.shown and "late" in decision.flags


def test_an_auction_that_fails_sells_nothing(bench: Any) -> None:
    decision = bench.decide(surface=replace(bench.surface, delivery=Fails()))
    accounted(decision)
    assert decision.shown == () and decision.no_ad_reason


def test_a_score_that_is_not_finite_never_reaches_the_auction(bench: Any) -> None:
    class Infinite:
        def enable(self, *_: object) -> bool:
            return True

        def score(self, request: object, context: object, candidates: Any, live: object) -> Any:
            scores = bench.surface.precision[-1].score(request, context, candidates, live)
            return replace(scores, pctr=np.full(len(candidates), np.inf), policy="infinite")

    decision = bench.decide(surface=replace(bench.surface, precision=(Infinite(), *bench.surface.precision)))
    accounted(decision)
    assert decision.policy == "click@1"


def test_nothing_published_is_an_explicit_no_ad(bench: Any) -> None:
    decision = bench.decide(live=Live(None))
    accounted(decision)
    assert decision.no_ad_reason == "no_inventory" and decision.rung == "no_ad" and decision.snapshot == ""


def test_a_surface_that_is_not_open_names_those_that_are(bench: Any, ask: Ask) -> None:
    with pytest.raises(ServingError) as refused:
        bench.decide(ask(surface="search"))
    assert refused.value.thing == "surface" and "proactive" in refused.value.fix


def test_without_consent_nothing_about_the_person_is_read(bench: Any, ask: Ask) -> None:
    surface: Surface = bench.surface

    class Forbidden:
        def read(self, user_id: str, now: object) -> object:
            raise AssertionError("read without consent")

    surface = replace(surface, understanding=(Profile(Forbidden()),))
    decision = bench.decide(ask(consent=False), surface=surface)
    assert decision.flags == ("no_consent",) and decision.shown


def test_a_profile_that_cannot_be_reached_is_flagged_and_defaulted(bench: Any) -> None:
    surface = replace(bench.surface, understanding=(Profile(Fails()), *bench.surface.understanding[1:]))
    decision = bench.decide(surface=surface)
    assert decision.shown and any("unreachable" in f for f in decision.flags)


def test_the_same_request_is_decided_the_same_way(bench: Any) -> None:
    one, two = bench.decide(), bench.decide()
    assert [replace(a) for a in one.shown] == [replace(a) for a in two.shown] and one.funnel == two.funnel
