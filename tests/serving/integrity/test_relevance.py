"""Ads of a category that the query hardly speaks of stay away; where nothing is clear, or these words were bought, they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from feature_repo.request_time import CATEGORY_NUMBER
from serving.engine.candidates import Candidates
from serving.engine.stages import NOBODY
from serving.integrity.relevance import Relevance
from serving.record.match import SEMANTIC
from serving.record.query import Query
from serving.record.request import AdRequest
from serving.snapshot import Snapshot
from serving.sourcing.meaning import by_meaning

CATEGORIES = ("sports", "home", "food", "travel")
"""Of the fixture's four products."""
QUERY = Query("shoes", "shoes", ("shoes",), ("shoe",))
REQUEST = AdRequest("r", "search", "u", datetime(2026, 1, 5, tzinfo=UTC), query="shoes")


def admitted(
    searching: Any, categories: tuple[tuple[str, float], ...], kind: int = SEMANTIC, least: float = 0.15, known: bool = True
) -> set[str]:
    plain = searching.live.snapshot
    rows = np.arange(len(plain))
    codes = [CATEGORY_NUMBER[CATEGORIES[int(plain.text("id.creative_id", int(r))[2])]] for r in rows]
    snapshot = Snapshot(plain.manifest, {**plain.arrays, "ad.category_code": np.array(codes if known else [0] * len(rows), np.int32)})
    match = replace(by_meaning(np.full(len(rows), 0.9, np.float32)), kind=np.full(len(rows), kind, np.int8))
    context = replace(NOBODY, query=replace(QUERY, categories=categories, added=categories))
    kept = Relevance(least).admit(REQUEST, context, Candidates(snapshot, rows, match=match))
    return {snapshot.text("id.creative_id", int(r))[2] for r in rows[kept]}


def test_the_querys_categories_stay_and_the_others_go(searching: Any) -> None:
    assert admitted(searching, (("sports", 0.8), ("travel", 0.16), ("home", 0.03), ("food", 0.01))) == {"0", "3"}


def test_an_ad_of_no_known_category_stays(searching: Any) -> None:
    assert admitted(searching, (("sports", 1.0),), known=False) == {"0", "1", "2", "3"}


def test_these_very_words_were_bought(searching: Any) -> None:
    assert admitted(searching, (("sports", 1.0),), kind=0) == {"0", "1", "2", "3"}


@pytest.mark.parametrize("categories", [(), (("sports", 0.1), ("home", 0.09), ("food", 0.085), ("travel", 0.081))])
def test_an_unclear_query_keeps_its_ads(searching: Any, categories: tuple[tuple[str, float], ...]) -> None:
    assert admitted(searching, categories) == {"0", "1", "2", "3"}


def test_a_prior_is_no_evidence(searching: Any) -> None:
    """What a query is likely to be of before a word of it is read keeps no ad out."""
    plain = searching.live.snapshot
    context = replace(NOBODY, query=replace(QUERY, categories=(("travel", 0.9),)))
    found = Candidates(plain, np.arange(len(plain)), match=by_meaning(np.full(len(plain), 0.9, np.float32)))
    assert Relevance(0.15).admit(REQUEST, context, found).all()


def test_the_setting_says_how_much_is_enough(searching: Any) -> None:
    categories = (("sports", 0.6), ("home", 0.3), ("food", 0.1))
    assert admitted(searching, categories, least=0.05) == {"0", "1", "2"} and admitted(searching, categories, least=0.0) >= {"3"}
    assert admitted(searching, categories, least=1.0) == {"0"}
    assert admitted(searching, (("sports", 0.5), ("home", 0.4), ("food", 0.1)), least=1.0) == {"0", "1"}, "0.8 of the best is always enough"
