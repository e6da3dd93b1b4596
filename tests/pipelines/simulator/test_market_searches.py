"""Searches: what they want is what their words say, what they are shown is what was not refused, and relevance earns clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from feature_repo.taxonomy import CATEGORIES, INTENTS
from feature_repo.text import tokenise
from pipelines.simulator.queries import brand_name
from pipelines.simulator.search_log import QUERY_TRUTH
from pipelines.simulator.truth import Judge, truth_file
from pipelines.simulator.wording import names
from pipelines.simulator.words import WORDS

if TYPE_CHECKING:
    from conftest import Market


def query_truth(home: Home) -> pa.Table:
    """What every search wants, of all days."""
    files = [truth_file(home, "queries", day) for day in home.days("queries")]
    return pa.concat_tables(pq.read_table(file, partitioning=None) for file in files)


@pytest.fixture(scope="module")
def searches(market: Market) -> pd.DataFrame:
    """Every search with what it wants."""
    return market.table("queries").merge(query_truth(market.home).to_pandas(), on="query_id", validate="1:1")


def test_every_search_has_its_truth(market: Market, searches: pd.DataFrame) -> None:
    assert query_truth(market.home).schema.equals(QUERY_TRUTH)
    assert len(searches) == len(market.table("queries"))
    assert set(searches.intent) == set(INTENTS) and set(searches.category) <= set(CATEGORIES[1:])
    assert ((searches.intent == "navigational") == (searches.brand != "")).all()
    assert all(p in WORDS[c] for c, p in zip(searches.category, searches["product"], strict=True) if p)


def test_words_say_what_is_wanted_but_for_slips(market: Market, searches: pd.DataFrame) -> None:
    brands = market.table("advertisers").set_index("advertiser_id").brand
    said = [{w.removesuffix("s") for w in tokenise(t)} for t in searches.text]
    known = [
        names(CATEGORIES.index(c), WORDS[c].index(p)) if p else ("",) for c, p in zip(searches.category, searches["product"], strict=True)
    ]
    named = np.array(
        [any({w.removesuffix("s") for w in tokenise(name)} <= words for name in called) for called, words in zip(known, said, strict=True)]
    )
    assert named.mean() > 0.95 and not named.all(), "some are mistyped"
    usual = np.array([{w.removesuffix("s") for w in tokenise(called[0])} <= words for called, words in zip(known, said, strict=True)])
    assert 0.4 < usual[[len(called) > 1 for called in known]].mean() < 0.75, "people call a thing by several names"
    wanted = searches[searches.brand != ""]
    looked_for = [brands[b].lower() in t for b, t in zip(wanted.brand, wanted.text, strict=True)]
    assert 0.9 < np.mean(looked_for) <= 1
    assert not any(tokenise(b)[0] in WORDS for b in brands[brands != ""]) and brands[brands != ""].is_unique


def test_brand_names_are_all_different() -> None:
    assert len({brand_name(i) for i in range(3000)}) == 3000


def test_what_an_advertiser_refused_is_not_shown(market: Market, searches: pd.DataFrame) -> None:
    """Negative keywords of groups and campaigns, against every search's true words."""
    keywords = market.table("keywords")
    refused = keywords[keywords.negative]
    of_group = refused[refused.ad_group_id != ""].groupby("ad_group_id").text.agg(set)
    of_campaign = refused[refused.ad_group_id == ""].groupby("campaign_id").text.agg(set)
    assert len(of_group) > 10 and len(of_campaign) > 5
    shown = market.table("impressions").merge(searches[["query_id", "text", "product"]], on="query_id")
    group = shown.creative_id.map(market.table("creatives").drop_duplicates("creative_id").set_index("creative_id").ad_group_id)
    for product, text, g, k in zip(shown["product"], shown.text, group, shown.campaign_id, strict=True):
        assert product == "" or product not in of_group.get(g, ()), (text, g)
        assert not set(text.split()) & of_campaign.get(k, set()), (text, k)


def test_relevance_earns_clicks(market: Market, outcomes: pd.DataFrame) -> None:
    """On drawn slates, where ads stand by chance: the better an ad answers, the likelier a click, as the truth says and as seen."""
    drawn = outcomes[(outcomes.surface == "search") & outcomes.explored & ~outcomes.bot]
    grade = np.empty(len(drawn))
    for day in market.days:
        rows = np.flatnonzero(drawn.ts.dt.date == day)
        judge = Judge(market.home, day)
        for q, at in drawn.iloc[rows].groupby("query_id").indices.items():
            grade[rows[at]] = judge.answers(str(q), drawn.creative_id.iloc[rows[at]].tolist())
    seen = drawn.p_click / drawn.examination
    none, some, full = seen[grade == 0].median(), seen[(grade > 0) & (grade < 1)].median(), seen[grade == 1].median()
    assert 1.5 * none < some and 1.5 * some < full
    assert drawn[grade == 1].clicked.mean() > 2 * drawn[grade == 0].clicked.mean()


def test_the_judge_agrees_with_what_was_drawn(market: Market, outcomes: pd.DataFrame) -> None:
    """Where the user remembers nothing of campaign and advertiser: the judged chance is the one that the click was drawn from."""
    day = market.days[3]
    judge = Judge(market.home, day)
    rows = outcomes[(outcomes.ts.dt.date == day) & (outcomes.surface == "search") & ~outcomes.bot & (outcomes.weariness == 0)]
    assert len(rows) > 200
    for row in rows.itertuples():
        assert judge.p_click(row.query_id, [row.creative_id])[0] * row.examination == pytest.approx(row.p_click, rel=1e-9)
