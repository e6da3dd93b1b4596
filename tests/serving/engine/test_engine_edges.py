"""Edges of the runner and the auction: doubled sources, a broken understanding, whole micros per impression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.auction.auction import CPM
from serving.delivery.second_price import SecondPrice
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import NOBODY, Context
from serving.record.request import AdRequest
from tests.examples import examples

Ask = Callable[..., AdRequest]


def test_two_sources_of_the_same_ads_count_each_once(bench: Any) -> None:
    decision = bench.decide(surface=replace(bench.surface, sourcing=bench.surface.sourcing * 2))
    f = decision.funnel
    assert decision.shown and f.sourced == len(bench.snapshot)
    assert f.sourced == f.shown + f.held + sum(f.rejected.values()) + f.narrowed


def test_a_request_that_cannot_be_understood_gets_no_ad(bench: Any) -> None:
    class Confused:
        def understand(self, request: AdRequest, context: Context, live: Live) -> Context:
            raise RuntimeError("out of order")

    decision = bench.decide(surface=replace(bench.surface, understanding=(Confused(),)))
    assert decision.no_ad_reason == "not_understood" and decision.rung == "no_ad" and decision.funnel.sourced == 0
    assert "Confused_failed:RuntimeError" in decision.errors


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(bids=st.lists(st.integers(1, 9_000_000), min_size=10, max_size=10), floor=st.integers(0, 3_000_000))
def test_an_impression_pays_whole_micros_between_floor_and_bid(bench: Any, ask: Ask, bids: list[int], floor: int) -> None:
    columns = {
        "campaign.objective": np.full(10, CPM, np.int8), "bid_micros": np.resize(bids, len(bench.snapshot)),
    }  # fmt: skip
    snapshot = type(bench.snapshot)(bench.snapshot.manifest, {**bench.snapshot.arrays, **columns})
    candidates = Candidates(snapshot, np.arange(10))
    scores = Scores(np.full(10, 0.02), np.full(10, np.nan), "test", "full")
    for ad in SecondPrice(0.0, floor, 7).allocate(ask(), NOBODY, candidates, scores, bench.live).shown:
        assert ad.price is not None and ad.price.charged_on == "impression"
        assert floor <= ad.price.price_micros * 1000 <= ad.bid_micros
