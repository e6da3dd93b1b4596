"""The auction contract on searches: who bids more never does worse; nobody pays over the bid, nor under what keeps the place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.record.decision import Decision
from serving.snapshot import Snapshot
from serving.snapshot.text_columns import NO_PAGE
from tests.examples import examples

ROUNDS = settings(max_examples=examples(40), deadline=None)


def with_bids(searching: Any, advertiser: int, bid_micros: int) -> Any:
    """The catalogue with another keyword bid of one advertiser's ads for running shoes."""
    snapshot = searching.live.snapshot
    index, arrays = snapshot.keywords, dict(snapshot.arrays)
    bids = arrays["keyword.bid_micros"].copy()
    mine = [i for i in range(len(index)) if arrays["keyword.group"][i] == advertiser * 4]  # groups are numbered in order of g00, g01, ...
    assert {index.text(i) for i in mine} == {"running shoes"}
    bids[mine] = bid_micros
    return replace(searching.live, snapshot=Snapshot(snapshot.manifest, {**arrays, "keyword.bid_micros": bids}))


def place(decision: Decision, advertiser: int) -> float:
    """Position of the advertiser; beyond all when not shown."""
    return next((float(ad.position) for ad in decision.shown if ad.advertiser_id == f"a{advertiser}"), np.inf)


@ROUNDS
@given(st.integers(1, 5), st.integers(20_000, 3_000_000), st.integers(0, 2_000_000))
def test_a_higher_bid_never_stands_lower_nor_pays_more_than_it_bids(
    searching: Any, over: Any, tmp_path_factory: Any, advertiser: int, bid: int, more: int
) -> None:
    home = tmp_path_factory.getbasetemp()
    low = over(home, with_bids(searching, advertiser, bid))("running shoes")
    high = over(home, with_bids(searching, advertiser, bid + more))("running shoes")
    assert place(high, advertiser) <= place(low, advertiser)
    for decision, most in ((low, bid), (high, bid + more)):
        for ad in decision.shown:
            assert ad.price.price_micros <= ad.bid_micros
            if ad.advertiser_id == f"a{advertiser}":
                assert ad.bid_micros == most


@ROUNDS
@given(st.integers(1, 5), st.integers(20_000, 3_000_000))
def test_a_winner_that_had_bid_its_price_keeps_its_place_and_a_little_less_loses_it(
    searching: Any, over: Any, tmp_path_factory: Any, advertiser: int, bid: int
) -> None:
    home = tmp_path_factory.getbasetemp()
    first = over(home, with_bids(searching, advertiser, bid))("running shoes")
    mine = next((ad for ad in first.shown if ad.advertiser_id == f"a{advertiser}"), None)
    if mine is None or mine.price is None:
        return
    again = over(home, with_bids(searching, advertiser, mine.price.price_micros))("running shoes")
    assert place(again, advertiser) == mine.position, "the price is enough"
    less = int(mine.price.price_micros * 0.98) - 2
    lower = over(home, with_bids(searching, advertiser, less))("running shoes")
    assert place(lower, advertiser) > mine.position, "and no more than enough"


@ROUNDS
@given(st.integers(1, 5), st.floats(0, 1), st.floats(0, 1))
def test_a_better_ad_never_stands_lower(searching: Any, over: Any, tmp_path_factory: Any, advertiser: int, one: float, two: float) -> None:
    """Of the same bid and chance of a click: the less its landing page says of what was asked, the lower its quality."""
    snapshot = searching.live.snapshot
    mine = snapshot["id.advertiser_id"] == f"a{advertiser}".encode()

    def decided(said: float) -> Decision:
        arrays = {**snapshot.arrays, "page.weights": snapshot["page.weights"].copy(), "page.vectors": snapshot["page.vectors"].copy()}
        for page in np.unique(snapshot["page"][mine & (snapshot["page"] != NO_PAGE)]):
            arrays["page.weights"][slice(*snapshot["page.terms_from"][page : page + 2])] *= said
            arrays["page.vectors"][page] *= said
        live = replace(searching.live, snapshot=Snapshot(snapshot.manifest, arrays))
        decision: Decision = over(tmp_path_factory.getbasetemp(), live)("running shoes")
        return decision

    better, worse = decided(max(one, two)), decided(min(one, two))
    assert place(better, advertiser) <= place(worse, advertiser)
    quality = [{ad.creative_id: ad.quality for ad in (*d.shown, *d.held)} for d in (better, worse)]
    both = quality[0].keys() & quality[1].keys()
    assert all(quality[0][c] >= quality[1][c] for c in both)
    if abs(one - two) > 0.1:
        assert any(quality[0][c] > quality[1][c] for c in both), "the page counts"
    for ad in (*better.shown, *worse.shown):
        assert ad.price.price_micros <= ad.bid_micros


@ROUNDS
@given(st.integers(0, 20_000_000))
def test_no_ad_is_sold_under_the_floor(searching: Any, over: Any, tmp_path_factory: Any, floor: int) -> None:
    snapshot = searching.live.snapshot
    arrays = {**snapshot.arrays, "placement.floor_micros": np.array([floor], np.int64)}
    live = replace(searching.live, snapshot=Snapshot(snapshot.manifest, arrays))
    for ad in over(tmp_path_factory.getbasetemp(), live)("running shoes").shown:
        assert ad.price.price_micros * ad.pctr * 1000 >= floor * (1 - 1e-9)
        if ad.block == "top":
            assert ad.price.price_micros * ad.pctr * 1000 * ad.quality >= floor * 1.5 - ad.pctr * 1000
