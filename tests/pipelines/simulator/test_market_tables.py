"""The tables follow the contracts of events and catalogue to the column, and refer to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feature_repo import catalog, events, taxonomy
from feature_repo.home import Home
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.images import SIZE, draw
from pipelines.simulator.truth import DECISION_TRUTH, IMPRESSION_TRUTH, decision_truth, impression_truth
from pipelines.simulator.wording import names
from pipelines.simulator.words import WORDS
from pipelines.simulator.world import World

if TYPE_CHECKING:
    from conftest import Market

NOT_SIMULATED = {"affinities", "shown_texts"}
"""What only some logs hold, and what serving alone writes."""
TABLES = {n: s for n, s in {**events.EVENTS, **catalog.CATALOG}.items() if n not in NOT_SIMULATED}
KEYS = {**events.KEYS, **catalog.KEYS}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_its_schema_and_its_day(market: Market, name: str) -> None:
    files = market.home.files(name)
    assert files
    for file in files:
        table = pq.read_table(file, partitioning=None)
        assert table.schema.equals(TABLES[name], check_metadata=False)
        assert len(table) > 0
        day = pa.scalar(pd.Timestamp(file.parent.name[4:]).date(), pa.date32())
        assert pc.all(pc.equal(pc.cast(table["created_ts"], pa.date32()), day)).as_py(), "a partition is a day of knowledge"
        if "ts" in table.schema.names:
            assert pc.all(pc.less_equal(table["ts"], table["created_ts"])).as_py(), "nothing is known before it happens"


@pytest.mark.parametrize("name", sorted(set(KEYS) & set(TABLES) - {"campaigns", "creatives"}))
def test_a_key_stands_once(market: Market, name: str) -> None:
    assert market.table(name)[KEYS[name]].is_unique


def test_rows_of_a_changing_table_are_one_a_day(market: Market) -> None:
    for name in ("campaigns", "creatives"):
        table = market.table(name)
        assert not table.duplicated([KEYS[name], "created_ts"]).any()
    campaigns = market.table("campaigns")
    assert campaigns.campaign_id.duplicated().any(), "some campaign changes: its bid, or its status"
    state = campaigns.groupby("campaign_id")[["status", "bid_micros"]].nunique()
    assert (state.max(axis=1)[campaigns.campaign_id[campaigns.campaign_id.duplicated()]] > 1).all(), "a new row says a new thing"


def test_what_is_referred_to_is_there(market: Market) -> None:
    t = {name: market.table(name) for name in TABLES}
    for child, column, parent in (
        ("campaigns", "advertiser_id", "advertisers"), ("ad_groups", "campaign_id", "campaigns"),
        ("creatives", "ad_group_id", "ad_groups"), ("creatives", "campaign_id", "campaigns"),
        ("keywords", "campaign_id", "campaigns"), ("landing_pages", "landing_url", "creatives"),
        ("impressions", "creative_id", "creatives"), ("impressions", "decision_id", "decisions"),
        ("decisions", "user_id", "users"), ("decisions", "placement_id", "placements"), ("activity", "item_id", "items"),
        ("engagements", "impression_id", "impressions"), ("queries", "user_id", "users"), ("friendships", "user_id", "users"),
        ("friendships", "friend_id", "users"),
    ):  # fmt: skip
        key = "landing_url" if child == "landing_pages" else KEYS[parent]
        assert set(t[child][column]) <= set(t[parent][key]), f"{child}.{column}"
    keywords = t["keywords"]
    assert set(keywords[keywords.ad_group_id != ""].ad_group_id) <= set(t["ad_groups"].ad_group_id)
    assert keywords[keywords.ad_group_id == ""].negative.all(), "what is said for a whole campaign is what it does not want"
    assert 0.9 < len(t["landing_pages"]) / t["creatives"].landing_url.nunique() < 1, "a few pages were never fetched"
    asked = t["decisions"][t["decisions"].surface == "search"].query_id
    assert sorted(asked) == sorted(t["queries"].query_id)
    assert (t["decisions"][t["decisions"].surface != "search"].query_id == "").all()


def test_a_cause_comes_before_its_effect(market: Market) -> None:
    engagements, impressions = market.table("engagements"), market.table("impressions")
    shown = engagements.merge(impressions[["impression_id", "ts"]], on="impression_id", suffixes=("", "_shown"))
    assert (shown.ts > shown.ts_shown).all()
    clicks = engagements[engagements.kind == "click"]
    assert (clicks.cause_id == clicks.impression_id).all()
    bought = engagements[engagements.kind == "conversion"].merge(
        clicks, left_on="cause_id", right_on="event_id", suffixes=("", "_click"), validate="1:1"
    )
    assert len(bought) == (engagements.kind == "conversion").sum() > 0
    assert (bought.ts > bought.ts_click).all() and (bought.impression_id == bought.impression_id_click).all()


def test_vocabularies_are_the_taxonomy(market: Market) -> None:
    impressions, engagements = market.table("impressions"), market.table("engagements")
    assert set(impressions.surface) == set(taxonomy.SURFACES)
    assert set(impressions.device) <= set(taxonomy.DEVICES)
    assert set(engagements.kind) == set(events.ENGAGEMENT_KINDS)
    assert set(market.table("campaigns").objective) == set(taxonomy.OBJECTIVES)
    assert set(market.table("creatives").category) | set(market.table("items").category) <= set(taxonomy.CATEGORIES)
    assert set(market.table("creatives").policy_status) == {"approved", "limited", "rejected", "pending"}
    assert set(market.table("placements").surface) == set(taxonomy.SURFACES)
    assert {"exact", "phrase", "broad"} == set(market.table("keywords").match_type)
    assert market.table("keywords").negative.any()


def test_counts_agree(market: Market) -> None:
    decisions, impressions = market.table("decisions"), market.table("impressions")
    shown = impressions.groupby("decision_id").size().reindex(decisions.decision_id, fill_value=0)
    assert (shown.to_numpy() == decisions.shown).all()
    assert (decisions.shown <= decisions.candidates).all()
    places = impressions.groupby("decision_id").position.agg(["min", "max", "size"])
    assert (places["min"] == 1).all() and (places["max"] == places["size"]).all(), "positions have no gaps"
    slots = market.table("placements").set_index("placement_id").slots
    assert (impressions.position <= impressions.placement_id.map(slots)).all()
    assert len(impressions) == market.report.impressions


def test_truth_stands_apart_and_row_by_row(market: Market) -> None:
    truth = impression_truth(market.home)
    assert truth.schema.equals(IMPRESSION_TRUTH) and decision_truth(market.home).schema.equals(DECISION_TRUTH)
    assert truth["impression_id"].to_pylist() == market.table("impressions").impression_id.tolist()
    assert decision_truth(market.home)["decision_id"].to_pylist() == market.table("decisions").decision_id.tolist()
    logged = {name for schema in TABLES.values() for name in schema.names}
    assert logged & {"p_click", "p_conversion", "examination", "rival_micros", "bot"} == set()
    one = impression_truth(market.home, market.days[2], market.days[2])
    assert len(one) == market.report.days[2].impressions


def test_texts_name_the_product_by_one_of_its_names(market: Market) -> None:
    creatives, ads = market.table("creatives").drop_duplicates("creative_id"), market.world.ads
    pages = market.table("landing_pages").set_index("landing_url").text
    for row in creatives.itertuples():
        number = int(row.creative_id[1:])
        called = names(int(ads.category[number]), int(ads.product[number]))
        assert any(name in row.headline.lower() for name in called)
        text = pages.get(row.landing_url)
        assert text is None or (any(name in text.lower() for name in called) and len(text.split()) >= 12)


def test_a_text_does_not_give_its_label_away(market: Market) -> None:
    """Whoever counts the topics' words in an ad's description finds its filed category often, and far from always: products have several
    names, texts speak of near topics and of nothing in particular, and some ads are filed wrongly."""
    words = {c: {n for p in range(len(WORDS[c])) for n in names(taxonomy.CATEGORIES.index(c), p)} for c in WORDS}
    creatives = market.table("creatives").drop_duplicates("creative_id")
    told = [
        max(words, key=lambda c: (sum(w in f" {row.headline} {row.description}".lower() for w in words[c]), c)) == row.category
        for row in creatives.itertuples()
    ]
    assert 0.5 < sum(told) / len(told) < 0.92
    usual = [any(w in row.headline.lower() for w in WORDS[row.category]) for row in creatives.itertuples()]
    assert sum(usual) / len(usual) < 0.85


def test_some_ads_and_pages_are_filed_wrongly(market: Market) -> None:
    ads, items = market.world.ads, market.table("items")
    wrong = (ads.filed != ads.category).mean()
    assert 0.01 < wrong < 0.1
    true = (items.item_id.str[1:].astype(int) // market.world.items_per_topic).map(dict(enumerate(taxonomy.CATEGORIES)))
    assert 0.01 < (true != items.category).mean() < 0.1


def test_pictures_are_small_and_all_different(home: Home) -> None:
    import numpy as np
    from PIL import Image

    world = World.of(MarketConfig(users=60, creatives=200, impressions_per_day=100))
    some = np.arange(40)
    assert draw(home, world, some) == 40
    assert draw(home, world, some) == 0, "a picture is drawn once"
    with Image.open(home.images / "c0.png") as image:
        assert image.format == "PNG" and image.size == SIZE
    assert len({(home.images / f"c{c}.png").read_bytes() for c in some}) == 40
