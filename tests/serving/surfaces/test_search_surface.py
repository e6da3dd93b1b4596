"""A search from its words to priced, worded ads: matches, quality, thresholds, prices, texts, and what happens when parts are absent."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo.text import tokenise
from serving.auction.bids import AdvertiserBids
from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import NOBODY
from serving.errors import SnapshotMissing
from serving.integrity.brand_safety import BrandSafety
from serving.record.decision import Decision
from serving.record.match import Match
from serving.record.query import Entity, Query
from serving.record.request import AdRequest
from serving.snapshot import Snapshot, open_snapshot
from serving.snapshot.snapshot import write_snapshot
from tests.examples import examples

ASKED = AdRequest("r", "search", "u", datetime(2026, 1, 5, 13, tzinfo=UTC), query="running shoes")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def balanced(decision: Decision) -> bool:
    f = decision.funnel
    return f.sourced == f.shown + f.held + sum(f.rejected.values()) + f.narrowed


def test_a_search_shows_priced_worded_ads_of_its_product(searching: Any) -> None:
    decision = searching.ask("running shoes")
    assert len(decision.shown) == 4 and balanced(decision) and decision.rung == "full"
    for ad in decision.shown:
        assert ad.creative_id[2] == "0", "of another product"
        assert ad.match == "exact" and ad.keyword == "running shoes" and ad.similarity is not None and ad.similarity > 0.5
        assert ad.price is not None and 0 < ad.price.price_micros <= ad.price.bid_micros == ad.bid_micros
        assert ad.quality_parts is not None and 1 <= ad.quality_parts.score <= 10 and ad.text is not None
    assert len({ad.advertiser_id for ad in decision.shown}) == 4
    ranks = [ad.ecpm_micros for ad in decision.shown]
    assert ranks == sorted(ranks, reverse=True)


def test_each_winner_pays_the_least_that_keeps_its_place(searching: Any) -> None:
    decision = searching.ask("running shoes")
    ranked = [*decision.shown, *decision.held]
    for ad, below in pairwise(ranked):
        if ad.price is None:
            break
        unit = ad.pctr * 1000 * ad.quality
        need = max(below.ecpm_micros, ad.price.threshold_micros)
        assert ad.price.price_micros * unit >= need - unit and (ad.price.price_micros - 2) * unit < max(
            need, ad.price.floor_micros * ad.quality
        )


def test_a_negative_keeps_out_and_a_phrase_or_broad_keyword_lets_in(searching: Any) -> None:
    free = searching.ask("free running shoes")
    assert free.funnel.rejected["NegativeKeywords"] == free.funnel.sourced and not free.shown
    assert {ad.match for ad in searching.ask("red running shoes").shown if ad.keyword} == {"phrase"}
    assert {ad.match for ad in searching.ask("shoes for running").shown} <= {"broad", "exact"}


def test_what_no_keyword_says_is_found_by_meaning(searching: Any) -> None:
    decision = searching.ask("trainers")
    assert decision.funnel.sources["Keywords"] == 0 and decision.shown
    assert {ad.match for ad in decision.shown} == {"semantic"} and {ad.creative_id[2] for ad in decision.shown} == {"0"}


def test_the_device_adjusts_the_bid(searching: Any) -> None:
    plain, mobile = searching.ask("running shoes"), searching.ask("running shoes", device="mobile")
    bid = {
        d: {ad.advertiser_id: ad.bid_micros for ad in (*decision.shown, *decision.held)} for d, decision in (("p", plain), ("m", mobile))
    }
    assert bid["m"]["a0"] == 2 * bid["p"]["a0"] and bid["m"]["a1"] == bid["p"]["a1"]


def test_a_page_that_was_never_read_is_neutral_and_says_so(searching: Any) -> None:
    parts = {ad.advertiser_id: ad.quality_parts for ad in (lambda d: (*d.shown, *d.held))(searching.ask("running shoes"))}
    assert not parts["a0"].page_known and parts["a0"].landing_page == 0.5
    assert parts["a1"].page_known and parts["a1"].landing_page > 0.5
    assert parts["a0"].page_age_days is None and parts["a1"].page_age_days == pytest.approx(4.5), "read on the 1st, published on the 5th"


def test_few_keywords_let_meaning_find_more(searching: Any, over: Any, tmp_path: Any) -> None:
    def found(query: str, **settings: int) -> tuple[int, int]:
        sources = over(tmp_path, searching.live, **settings)(query).funnel.sources
        return sources["Keywords"], sources["Meaning"]

    bought, _ = found("running shoes", semantic_quota=0, semantic_below=0)
    assert bought == 12, "six advertisers, two ads each"
    assert found("running shoes", semantic_quota=0, semantic_below=12) == (12, 0), "as many as are wanted"
    assert found("trainers", semantic_quota=0, semantic_below=5) == (0, 5), "where keywords find none, as many as are missing"
    assert found("trainers", semantic_quota=3, semantic_below=5) == (0, 8) and found("trainers", semantic_quota=0, semantic_below=0) == (
        0,
        0,
    )


def test_a_keyword_bids_before_its_ad_group_and_that_before_the_campaign(searching: Any) -> None:
    snapshot = searching.live.snapshot
    rows = np.arange(len(snapshot))
    usual = AdvertiserBids().bids(ASKED, Candidates(snapshot, rows))
    match = replace(Match.none(len(rows)), bid_micros=np.where(rows == 1, 345_678, 0))
    bids = AdvertiserBids().bids(ASKED, Candidates(snapshot, rows, match=match))
    assert bids[1] == 345_678 and np.array_equal(np.delete(bids, 1), np.delete(usual, 1))


def test_the_hour_and_the_region_adjust_the_bid(searching: Any) -> None:
    snapshot = searching.live.snapshot
    hour, region = snapshot["campaign.adjust.hour"].copy(), np.ones((len(snapshot.campaign_ids), 1), np.float32)
    hour[:, 12], region[:, 0] = 1.5, 0.5
    arrays = {**snapshot.arrays, "campaign.adjust.hour": hour, "campaign.adjust.region": region}
    changed = Snapshot(snapshot.manifest, {**arrays, "words.adjusted_regions": np.array([b"coast"])})
    usual = AdvertiserBids().bids(ASKED, found := Candidates(snapshot, np.arange(len(snapshot))))
    for at, where, factor in ((12, "", 1.5), (13, "", 1.0), (13, "coast", 0.5), (12, "coast", 0.75), (13, "hills", 1.0)):
        request = replace(ASKED, ts=ASKED.ts.replace(hour=at), region=where)
        assert np.array_equal(AdvertiserBids().bids(request, Candidates(changed, found.rows)), np.floor(usual * factor))


def test_who_looks_for_one_brand_is_shown_that_brand(searching: Any) -> None:
    rows = np.arange(len(searching.live.snapshot))
    owner = np.array([searching.live.snapshot.text("id.advertiser_id", int(r)) for r in rows])
    named = Query("brand3", "brand3", ("brand3",), ("brand3",), entities=(Entity("brand3", "brand", "a3", 0, 6),), intent="navigational")

    def admitted(query: Query, rivals: bool = False) -> set[str]:
        context = replace(NOBODY, query=query)
        return {*owner[BrandSafety(rivals).admit(ASKED, context, Candidates(searching.live.snapshot, rows))].tolist()}

    everyone = {*owner.tolist()}
    assert admitted(named) == {"a3"} and admitted(named, rivals=True) == everyone
    assert admitted(replace(named, intent="transactional")) == everyone
    assert admitted(replace(named, tokens=("shoes",), entities=())) == everyone
    shop = Entity("brand3 shop", "product", "brand3 shop", 0, 11)  # a rival bought it: the longest name that is known
    assert admitted(replace(named, tokens=("brand3", "shop"), entities=(shop,))) == {"a3"}


def test_a_brand_is_its_words_however_it_is_written(searched_catalog: Any, tmp_path: Any) -> None:
    owners = searched_catalog["advertisers"].to_pylist()
    for owner, brand in zip(owners, ("H&M", "Coca-Cola", "Levi's", "Bed, Bath and Beyond"), strict=False):
        owner["brand"] = brand
    catalog = searched_catalog | {"advertisers": pa.Table.from_pylist(owners, searched_catalog["advertisers"].schema)}
    snapshot = open_snapshot(tmp_path / write_snapshot(tmp_path, NOON, catalog, {}, None))
    assert snapshot.brands >= {"h m", "coca cola", "levis"}
    for text, owner in (("H&M", b"a0"), ("bed bath and beyond near me", b"a3")):
        tokens = tuple(tokenise(text))
        context = replace(NOBODY, query=Query(text, " ".join(tokens), tokens, tokens, intent="navigational"))
        admitted = BrandSafety(False).admit(ASKED, context, Candidates(snapshot, np.arange(len(snapshot))))
        assert set(snapshot["id.advertiser_id"][admitted].tolist()) == {owner}


def test_a_snapshot_without_its_keywords_is_refused_for_their_negatives(searched_catalog: Any, tmp_path: Any) -> None:
    version = write_snapshot(tmp_path, NOON, searched_catalog, {}, None)
    for file in (tmp_path / version).glob("keyword.*"):
        file.unlink()
    with pytest.raises(SnapshotMissing, match="keyword"):
        open_snapshot(tmp_path / version)


def test_every_text_of_a_creative_of_many_can_be_chosen(searched_catalog: Any, tmp_path: Any, over: Any, searching: Any) -> None:
    rows = searched_catalog["creatives"].to_pylist()
    heads, bodies = [f"Head {chr(97 + i)}" for i in range(14)], [f"Body {chr(97 + i)}" for i in range(3)]
    for row in rows:
        row |= {"headlines": heads, "descriptions": bodies}
    catalog = searched_catalog | {"creatives": pa.Table.from_pylist(rows, searched_catalog["creatives"].schema)}
    snapshot = open_snapshot(tmp_path / write_snapshot(tmp_path, NOON, catalog, {}, None))
    ask = over(tmp_path, replace(searching.live, snapshot=snapshot), explore_share=1.0)
    texts = [ad.text for i in range(150) for ad in ask("running shoes", request_id=f"r{i}").shown]
    assert {t.choices for t in texts} == {24} and all(t.propensity == pytest.approx(1 / 24) for t in texts)
    assert {*heads} <= {t.headline for t in texts} and {*bodies} <= {t.description for t in texts}


def test_a_close_variant_is_recorded_as_one(searching: Any) -> None:
    assert not any(ad.close for ad in searching.ask("running shoes").shown)
    varied = searching.ask("running shoe").shown
    assert varied and all(ad.close for ad in varied if ad.keyword)


def test_texts_hold_the_keyword_or_the_default_and_never_a_brace(searching: Any) -> None:
    for query in ("running shoes", "red running shoes", "trainers", "garden hose"):
        for ad in searching.ask(query).shown:
            assert "{" not in ad.text.headline + ad.text.description
            if ad.text.keyword:
                assert ad.text.keyword in html.unescape(ad.text.headline).lower()


def test_responsive_texts_are_explored_with_their_propensities(searching: Any, over: Any, tmp_path: Any) -> None:
    share = 0.3
    ask = over(tmp_path, searching.live, explore_share=share)
    seen = [ad.text for i in range(200) for ad in ask("running shoes", request_id=f"r{i}").shown if ad.text.choices > 1]
    assert len(seen) > 50 and {t.choices for t in seen} == {3}
    for text in seen:
        assert text.propensity == pytest.approx(share / 3) or text.propensity == pytest.approx(1 - share + share / 3)
    rare = np.mean([t.propensity < 0.5 for t in seen])
    assert abs(rare - share * 2 / 3) < 0.1


def without(live: Live, *prefixes: str) -> Live:
    assert live.snapshot is not None
    arrays = {n: a for n, a in live.snapshot.arrays.items() if not n.startswith(prefixes)}
    return replace(live, snapshot=Snapshot(live.snapshot.manifest, arrays))


def test_a_missing_part_degrades_and_says_so(searching: Any, over: Any, tmp_path: Any) -> None:
    assert "language_absent" in searching.ask("running shoes").flags
    blind = over(tmp_path, replace(searching.live, encoder=None))("running shoes")
    assert blind.shown and "encoder_absent" in blind.flags and {ad.match for ad in blind.shown} == {"exact"}
    mute = over(tmp_path, without(searching.live, "keyword."))("running shoes")
    assert mute.shown and any(f.startswith("Keywords_failed") for f in mute.errors) and {ad.match for ad in mute.shown} == {"semantic"}
    nothing = over(tmp_path, replace(without(searching.live, "keyword."), encoder=None))("running shoes")
    assert nothing.no_ad_reason == "no_inventory" and not nothing.shown


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.one_of(
        st.text(max_size=2000),
        st.lists(st.sampled_from(["running", "shoes", "free", "hotel", "city", "😀", "שלום"]), max_size=80).map(" ".join),
    )
)
def test_any_query_gets_a_defined_answer(searching: Any, query: str) -> None:
    decision = searching.ask(query)
    assert balanced(decision) and bool(decision.shown) != bool(decision.no_ad_reason)
    assert decision.errors == ()
    if "free" in tokenise(query):
        assert not decision.shown, "a negative keyword was ignored"
    for ad in decision.shown:
        assert ad.price is not None and 0 <= ad.price.price_micros <= ad.bid_micros
        assert ad.block == ("top" if ad.position <= 2 else "bottom")
