"""Exploration: propensities in the record are the probabilities of what was shown, checked by counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from serving.delivery.layout import Slots
from serving.delivery.second_price import SecondPrice
from serving.engine.candidates import Candidates
from serving.engine.stages import NOBODY
from serving.record.request import AdRequest

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


class Steps:
    """Slots that ask for ever less, as a page of search ads does; the first asks for more than anyone has."""

    def __init__(self, *thresholds: float) -> None:
        self.thresholds = thresholds

    def slots(self, request: AdRequest, context: Any, placement: Any, floor_micros: int) -> Slots:
        return Slots(self.thresholds, 2)


@pytest.mark.parametrize("among", [1, 2, 3, 10])
@pytest.mark.parametrize("one_each", [True, False])
def test_where_slots_stay_empty_the_propensities_are_still_the_shares(bench: Any, ask: Ask, among: int, one_each: bool) -> None:
    """With fewer ads than slots, or ads too poor for the top, a dealt slate stands elsewhere than the usual one."""
    n, request = 1_500, ask(slots=4)
    context = bench.surface.understanding[0].understand(request, NOBODY, bench.live)
    candidates = Candidates(bench.snapshot, np.arange(among))
    scores = bench.surface.precision[1].score(request, context, candidates, bench.live)
    auction = SecondPrice(SHARE, 1_000, 7, layout=Steps(1e18, 1e18, 0.0, 0.0), one_each=one_each)
    seen: Counter[tuple[int, str]] = Counter()
    slates: Counter[tuple[str, ...]] = Counter()
    said: dict[tuple[int, str], float] = {}
    whole: dict[tuple[str, ...], float] = {}
    for i in range(n):
        slate = auction.allocate(replace(request, request_id=f"r{i}"), context, candidates, scores, bench.live)
        by_slot = ["", "", "", ""]
        for ad in slate.shown:
            by_slot[ad.position - 1] = ad.creative_id
            seen[ad.position, ad.creative_id] += 1
            assert said.setdefault((ad.position, ad.creative_id), ad.propensity) == ad.propensity
        slates[tuple(by_slot)] += 1
        whole[tuple(by_slot)] = slate.lottery.slate_chance(by_slot)
        for slot, name in enumerate(by_slot):
            if not name:
                seen[slot + 1, ""] += 1
                said[slot + 1, ""] = slate.lottery.chance(slot, "")
    for told, counted in ((said, seen), (whole, slates)):
        for key, chance in told.items():
            if n * chance < 10:
                continue  # too rare to count
            assert abs(counted[key] / n - chance) < 5 * np.sqrt(chance * (1 - chance) / n) + 1e-9, (key, chance, counted[key] / n)
    assert all(not name or position > 2 or p < SHARE + 1e-9 for (position, name), p in said.items()), "the top is only dealt"
