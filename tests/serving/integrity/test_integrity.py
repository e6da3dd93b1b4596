"""What each rule keeps, at its edges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from serving.engine.candidates import Candidates
from serving.engine.stages import NOBODY, Context
from serving.integrity.paused import Paused
from serving.ledger.ledger import AskerState, Hide
from serving.record.request import AdRequest
from tests.serving.every_store import a_sale

Ask = Callable[..., AdRequest]


def whole(bench: Any) -> Candidates:
    return Candidates(bench.snapshot, np.arange(len(bench.snapshot)))


def rule(bench: Any, name: str) -> Any:
    return next(r for r in (*bench.surface.eligibility, *bench.surface.integrity) if type(r).__name__ == name)


def understood(bench: Any, request: AdRequest) -> Context:
    context = NOBODY
    for understander in bench.surface.understanding:
        context = understander.understand(request, context, bench.live)
    return context


def admitted(bench: Any, name: str, request: AdRequest) -> np.ndarray:
    context = understood(bench, request)
    return np.asarray(rule(bench, name).admit(request, context, whole(bench)))


def test_targeting_follows_the_catalogue(bench: Any, ask: Ask) -> None:
    everyone = bench.snapshot["target.regions.anyone"][bench.snapshot["campaign"]]
    assert 0 < everyone.sum() < len(everyone)
    # Whoever is picky asked for this word; an unknown word meets only campaigns that ask for nothing.
    assert admitted(bench, "Targeting", ask(region="regions0")).all()
    assert (admitted(bench, "Targeting", ask(region="regions1")) == everyone).all()
    assert (admitted(bench, "Targeting", ask(region="never-heard-of")) == everyone).all()


def test_a_budget_that_is_spent_stops_its_campaign_alone(bench: Any, ask: Ask) -> None:
    request = ask()
    campaign, budget = bench.snapshot.campaign_ids[0], bench.snapshot.budget_of(bench.snapshot.campaign_ids[0])
    mine = bench.snapshot["campaign"] == 0
    bench.ledger.charge(a_sale("e1", budget - 1, budget, campaign), request.ts.date(), request.ts)
    assert admitted(bench, "Budget", request).all(), "a micro is left"
    bench.ledger.charge(a_sale("e2", 5, budget, campaign), request.ts.date(), request.ts)
    assert (admitted(bench, "Budget", request) == ~mine).all()
    assert admitted(bench, "Budget", ask(ts=request.ts + timedelta(days=1))).all(), "a new day, a new budget"


def test_a_cap_counts_impressions_of_a_user_and_day(bench: Any, ask: Ask) -> None:
    arrays = dict(bench.snapshot.arrays)
    cap = np.zeros_like(arrays["campaign.cap"])
    cap[0] = 2
    snapshot = type(bench.snapshot)(bench.snapshot.manifest, {**arrays, "campaign.cap": cap})
    candidates = Candidates(snapshot, np.arange(len(snapshot)))
    mine, request = snapshot["campaign"] == 0, ask()
    campaign = snapshot.campaign_ids[0]

    def admits(asked: AdRequest) -> np.ndarray:
        return np.asarray(rule(bench, "FrequencyCap").admit(asked, understood(bench, asked), candidates))

    bench.ledger.expose("u1", campaign, "d1|a", request.ts.date())
    assert admits(request).all()
    bench.ledger.expose("u1", campaign, "d2|a", request.ts.date())
    assert (admits(request) == ~mine).all()
    assert admits(ask(user_id="u2")).all()
    assert admits(ask(ts=request.ts + timedelta(days=1))).all()
    assert (admits(ask(consent=False)) == ~mine).all(), "nobody to count for: capped campaigns are not shown"


def test_without_a_ledger_no_ad_is_shown_and_the_answer_says_so(bench: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(user_id: str, day: date, now: datetime) -> AskerState:
        raise ConnectionError("connection refused")

    assert bench.decide(ask()).shown
    monkeypatch.setattr(bench.ledger, "past", lost)
    decision = bench.decide(ask())
    assert not decision.shown and decision.no_ad_reason == "no_candidate"
    assert {"Exposures_failed:ConnectionError", "FrequencyCap_failed:ServingError"} <= set(decision.errors)


def test_a_schedule_has_hours_a_start_and_an_end(bench: Any, ask: Ask) -> None:
    now = int(ask().ts.timestamp())
    columns = {
        "campaign.start": np.array([0, now, now + 1, 0, 0, 0, 0, 0, 0, 0]),
        "campaign.end": np.array([2**62, 2**62, 2**62, now, now + 1, 2**62, 2**62, 2**62, 2**62, 2**62]),
        "campaign.hours": np.array([2**24 - 1] * 5 + [1 << 12, 1 << 11, 2**24 - 1, 2**24 - 1, 2**24 - 1], np.uint64),
    }
    assert len(bench.snapshot.campaign_ids) == 10
    snapshot = type(bench.snapshot)(bench.snapshot.manifest, {**bench.snapshot.arrays, **columns})
    kept = rule(bench, "Schedule").admit(ask(), None, Candidates(snapshot, np.arange(10)))
    assert kept.tolist() == [True, True, False, False, True, True, False, True, True, True]


def test_limited_and_sensitive_ads_need_a_known_adult(bench: Any, ask: Ask) -> None:
    from feature_repo.tables.user_profile import AGE_CODE
    from feature_repo.taxonomy import AGE_BANDS
    from serving.snapshot.columns import POLICIES

    n = len(bench.snapshot)
    status, sensitive = np.arange(n) % len(POLICIES), np.arange(n) % 8 == 7
    columns = {"policy": status.astype(np.int8), "sensitive": sensitive}
    snapshot = type(bench.snapshot)(bench.snapshot.manifest, {**bench.snapshot.arrays, **columns})
    context = bench.surface.understanding[0].understand(ask(), NOBODY, bench.live)
    approved, limited = status == POLICIES.index("approved"), status == POLICIES.index("limited")
    for age in AGE_BANDS:
        context.user[AGE_CODE] = np.array([AGE_BANDS.index(age)])
        kept = rule(bench, "Policy").admit(ask(), context, Candidates(snapshot, np.arange(n)))
        expected = approved & ~sensitive if age in ("unknown", "13-17") else approved | limited
        assert (kept == expected).all(), age


def test_what_was_hidden_is_not_shown_and_after_two_hides_nothing_of_the_advertiser(bench: Any, ask: Ask) -> None:
    snapshot, request = bench.snapshot, ask(user_id="picky")
    owner = snapshot["id.advertiser_id"]
    first, second = (int(row) for row in np.flatnonzero(owner == owner[0])[:2])

    def hide(row: int, reported: bool = False, days: int = 30) -> None:
        hidden = Hide(snapshot.text("id.creative_id", row), owner[row].decode(), reported, request.ts + timedelta(days=days))
        bench.ledger.hide("picky", hidden)

    def left_out(asked: AdRequest) -> set[int]:
        return {*np.flatnonzero(~admitted(bench, "Hidden", asked)).tolist()}

    assert left_out(request) == set()
    hide(first)
    assert (
        left_out(request) == {first} and left_out(ask(user_id="other")) == set() and left_out(ask(user_id="picky", consent=False)) == set()
    )
    hide(second, days=2)
    everything = {*np.flatnonzero(owner == owner[0]).tolist()}
    assert left_out(request) == everything
    assert left_out(ask(user_id="picky", ts=request.ts + timedelta(days=3))) == {first}, "the second hide is over"
    other = int(np.flatnonzero(owner != owner[0])[0])
    hide(other, reported=True)
    assert left_out(request) == everything | {*np.flatnonzero(owner == owner[other]).tolist()}, "a report is enough"


def test_a_paused_campaign_stops_within_seconds_and_comes_back(bench: Any, ask: Ask) -> None:
    now = [100.0]
    paused = Paused(bench.ledger, lambda: now[0])
    mine, request = bench.snapshot["campaign"] == 3, ask()
    bench.ledger.pause("campaign of another catalogue", True)
    assert paused.admit(request, NOBODY, whole(bench)).all()
    bench.ledger.pause(bench.snapshot.campaign_ids[3], True)
    now[0] += 1.1
    assert (paused.admit(request, NOBODY, whole(bench)) == ~mine).all()
    bench.ledger.pause(bench.snapshot.campaign_ids[3], False)
    now[0] += 1.1
    assert paused.admit(request, NOBODY, whole(bench)).all()
