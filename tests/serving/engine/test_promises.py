"""Pages are promised before they are shown: what a campaign or a cap cannot give leaves, and the page is decided again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from serving.delivery.promises import Promises
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.record.decision import Decision
from serving.record.request import AdRequest
from serving.settings import Settings

Ask = Callable[..., AdRequest]
WINDOW = timedelta(hours=1)


def engine_of(bench: Any) -> Engine:
    return Engine({"proactive": bench.surface}, Settings(), Promises(bench.ledger, WINDOW))


def with_campaigns(bench: Any, **columns: Any) -> Live:
    """The bench's catalogue with other columns of its campaigns."""
    arrays = {f"campaign.{name}": np.full_like(bench.snapshot[f"campaign.{name}"], value) for name, value in columns.items()}
    return replace(bench.live, snapshot=type(bench.snapshot)(bench.snapshot.manifest, {**bench.snapshot.arrays, **arrays}))


def adds_up(decision: Decision) -> bool:
    f = decision.funnel
    return f.sourced == f.shown + f.held + sum(f.rejected.values()) + f.narrowed


def test_pages_at_once_never_pass_a_cap_and_the_next_campaigns_take_the_slots(bench: Any, ask: Ask) -> None:
    engine, live = engine_of(bench), with_campaigns(bench, cap=1)
    requests = [ask(request_id=f"r{n}", user_id=f"u{n % 3}", slots=2) for n in range(24)]
    with ThreadPoolExecutor(12) as pool:
        decisions = list(pool.map(lambda request: engine.decide(request, live), requests))
    for user in ("u0", "u1", "u2"):
        shown = Counter(ad.campaign_id for d in decisions if d.request.user_id == user for ad in d.shown)
        assert max(shown.values()) == 1 and len(shown) > 4, "each campaign once, and others after it"
    assert all(adds_up(d) for d in decisions) and not any(d.errors for d in decisions)


def test_a_campaign_that_cannot_pay_its_price_leaves_and_the_slot_is_decided_again(bench: Any, ask: Ask) -> None:
    first = bench.decide(ask())
    best, price = first.shown[0], first.shown[0].price
    assert price is not None and price.price_micros > 1
    budget = bench.snapshot["campaign.budget_micros"].copy()
    budget[bench.snapshot.campaign_place[best.campaign_id]] = price.price_micros - 1
    arrays = {**bench.snapshot.arrays, "campaign.budget_micros": budget}
    live = replace(bench.live, snapshot=type(bench.snapshot)(bench.snapshot.manifest, arrays))
    again = engine_of(bench).decide(ask(), live)
    assert again.shown and best.campaign_id not in {ad.campaign_id for ad in again.shown}
    assert again.funnel.rejected["Promises"] > 0 and adds_up(again)


def test_what_was_promised_to_one_page_is_not_there_for_another(bench: Any, ask: Ask) -> None:
    engine = engine_of(bench)
    price = max(ad.price.price_micros for ad in bench.decide(ask(slots=1)).shown if ad.price)
    live = with_campaigns(bench, budget_micros=int(price * 1.5))
    first = [engine.decide(ask(request_id=f"r{n}", user_id=f"u{n}", slots=1), live) for n in range(40)]
    promised = Counter(ad.campaign_id for d in first for ad in d.shown)
    assert len(promised) > 1, "the best campaign's budget does not take all pages"
    assert all(adds_up(d) for d in first)


def test_without_a_ledger_nothing_is_sold(bench: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*given: Any) -> list[bool]:
        raise ConnectionError("connection refused")

    monkeypatch.setattr(bench.ledger, "promise", lost)
    decision = engine_of(bench).decide(ask(), bench.live)
    assert not decision.shown and "Promises_failed:ConnectionError" in decision.errors and adds_up(decision)
    assert decision.no_ad_reason == "not_promised"


def test_when_no_campaign_can_pay_there_is_no_ad(bench: Any, ask: Ask) -> None:
    decision = engine_of(bench).decide(ask(), with_campaigns(bench, budget_micros=1))
    assert not decision.shown and decision.rung == "no_ad" and adds_up(decision)
    assert decision.no_ad_reason == "not_promised"
