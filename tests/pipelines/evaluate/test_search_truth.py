"""Search judged against the market's truth: the oracle is the ceiling, sources add up, and the figures are what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.bench.search.search_market import figures
from pipelines.errors import Missing
from pipelines.evaluate.search import RECALL_AT, SLOTS, SearchTruth, evaluate_search
from pipelines.simulator.truth import Judge, impression_truth
from serving.settings import Settings

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]


@pytest.fixture(scope="module")
def truth(searched: Any) -> SearchTruth:
    return evaluate_search(searched.settings, searched.day, 120)


def test_the_oracle_is_the_ceiling(truth: SearchTruth) -> None:
    """No way of answering earns more than ranking every ad that answers by its true rates; its ads all answer."""
    best = truth.contenders["oracle"]
    assert best.astray == 0 and best.value > 0 and 0 < best.shown <= SLOTS
    for name, contender in truth.contenders.items():
        share = truth.value_share(name)
        assert share.low <= share.value <= share.high
        assert 0.05 < share.value <= (1.0 if name == "oracle" else 1.02), name
        assert 0 < contender.ndcg <= 1 and 0 <= contender.astray < 0.7, name


def test_both_sources_find_what_either_does(truth: SearchTruth) -> None:
    for k in RECALL_AT:
        one, other, both = (truth.recall[name][k] for name in ("keywords", "meaning", "both"))
        assert max(one, other) <= both <= min(1, one + other)
    for by in truth.recall.values():
        assert list(by.values()) == sorted(by.values()), "more is found further down"
    assert truth.recall["both"][200] > 0.8


def test_what_is_understood_is_better_than_guessing(truth: SearchTruth) -> None:
    assert truth.understanding["category_macro_f1"] > 0.5 and truth.understanding["intent_macro_f1"] > 0.7
    assert truth.understanding["commercial_auc"] > 0.85 and truth.understanding["brand_recall"] > 0.5


def test_the_same_again(searched: Any, truth: SearchTruth) -> None:
    again = evaluate_search(searched.settings, searched.day, 120)
    assert again.understanding == truth.understanding and again.recall == truth.recall
    for name, contender in truth.contenders.items():
        assert np.array_equal(again.contenders[name].values, contender.values)


def test_every_figure_is_reported_and_the_target_judged(truth: SearchTruth) -> None:
    found = {f.name: f for f in figures(truth)}
    assert len(found) == len(figures(truth))
    share = found["oracle_value_share"]
    assert share.holds == (share.value is not None and share.value >= 0.95)
    assert {"oracle_value_share_keyword_only", "oracle_value_share_semantic_only", "ndcg_at_4_staged", "recall_both_at_50"} <= {*found}
    assert found["auction_value_oracle"].value == pytest.approx(truth.contenders["oracle"].value)


def test_the_judge_says_of_the_log_what_the_logs_own_truth_says(searched: Any) -> None:
    """Of ads at the first position of which and of whose advertiser nothing is remembered, whoever was asking: bots are not judged."""
    judge, day = Judge(searched.home, searched.day), searched.day
    files = searched.home.files("impressions", day, day)
    columns = ["impression_id", "query_id", "creative_id", "position"]
    shown = pd.concat(pq.read_table(f, partitioning=None, columns=columns).to_pandas() for f in files)
    known = impression_truth(searched.home, day, day).to_pandas()
    rows = shown.merge(known, on="impression_id").query("position == 1 and seen_today == 0 and weariness == 0 and not bot")
    rows = rows.dropna(subset=["query_id"])
    rows = rows[rows["query_id"].isin(set(judge.searches()["query_id"].to_pylist()))]
    assert len(rows) > 100
    for row in rows.itertuples():
        assert judge.p_click(row.query_id, [row.creative_id])[0] == pytest.approx(row.p_click, rel=1e-9)
        assert judge.p_conversion(row.query_id, [row.creative_id])[0] == pytest.approx(row.p_conversion, rel=1e-9)


def test_a_folder_without_models_says_what_to_run(tmp_path: Any, searched: Any) -> None:
    with pytest.raises(Missing, match="language train"):
        evaluate_search(Settings(home_path=tmp_path), searched.day)
