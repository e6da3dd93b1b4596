"""Exploration: propensities in the record are the probabilities of what was shown, checked by counting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from serving.candidates import Candidates
from serving.delivery.second_price import SecondPrice
from serving.request import AdRequest
from serving.stages import NOBODY

SHARE = 0.4
Ask = Callable[..., AdRequest]


def slates(bench: Any, ask: Ask, share: float, n: int) -> list[Any]:
    request = ask()
    context = bench.surface.understanding[0].understand(request, NOBODY, bench.live)
    candidates = Candidates(bench.snapshot, np.arange(10))
    scores = bench.surface.precision[1].score(request, context, candidates, bench.live)
    auction = SecondPrice(share, 1_000, 7)
    return [auction.allocate(replace(request, request_id=f"r{i}"), context, candidates, scores, bench.live) for i in range(n)]


def test_propensities_are_the_shares_that_are_seen(bench: Any, ask: Ask) -> None:
    n = 3_000
    seen: dict[tuple[str, int], int] = {}
    said: dict[tuple[str, int], float] = {}
    drawn = slates(bench, ask, SHARE, n)
    for slate in drawn:
        for ad in slate.shown:
            key = (ad.creative_id, ad.position)
            seen[key] = seen.get(key, 0) + 1
            assert said.setdefault(key, ad.propensity) == ad.propensity, "one probability, whoever drew it"
    for key, propensity in said.items():
        sigma = np.sqrt(propensity * (1 - propensity) / n)
        assert abs(seen[key] / n - propensity) < 5 * sigma, key
    assert abs(np.mean([s.explored for s in drawn]) - SHARE) < 0.05


def test_the_propensities_of_a_position_sum_to_one(bench: Any, ask: Ask) -> None:
    said = {(ad.creative_id, ad.position): ad.propensity for slate in slates(bench, ask, SHARE, 600) for ad in slate.shown}
    for position in (1, 2, 3):
        assert abs(sum(p for (_, at), p in said.items() if at == position) - 1) < 1e-9


def test_without_exploration_the_order_is_certain(bench: Any, ask: Ask) -> None:
    for slate in slates(bench, ask, 0.0, 20):
        assert not slate.explored and [ad.propensity for ad in slate.shown] == [1.0, 1.0, 1.0]


def test_exploring_never_raises_a_price_over_the_bid_nor_hides_a_replay(bench: Any, ask: Ask) -> None:
    once, again = slates(bench, ask, 1.0, 50), slates(bench, ask, 1.0, 50)
    assert once == again
    for slate in once:
        for ad in slate.shown:
            assert ad.price is not None and ad.price.price_micros <= ad.bid_micros and ad.price.rule == "floor"
