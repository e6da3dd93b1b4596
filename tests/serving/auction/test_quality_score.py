"""A search ad's quality by hand: what each part is, and how much of the factor it makes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from serving.auction.annoyance import HIDE
from serving.auction.page_relevance import page_relevance
from serving.auction.quality import Quality
from serving.auction.quality_score import QualityScore
from serving.engine.candidates import Candidates, Scores
from serving.engine.stages import NOBODY
from serving.record.match import SEMANTIC
from serving.record.query import Query
from serving.record.request import AdRequest
from serving.snapshot import Snapshot
from serving.sourcing.meaning import by_meaning

REQUEST = AdRequest("r", "search", "u", datetime(2026, 1, 5, tzinfo=UTC), query="running shoes")
QUERY = Query("running shoes", "running shoes", ("running", "shoes"), ("run", "shoe"))


def judged(
    searching: Any, query: Query = QUERY, kind: int = SEMANTIC, close: bool = False, alike: float = np.nan, hidden: float = 0
) -> Quality:
    plain = searching.live.snapshot
    n = len(plain)
    snapshot = Snapshot(plain.manifest, {**plain.arrays, HIDE: np.full(n, hidden, np.float32)})
    match = replace(by_meaning(np.full(n, alike, np.float32)), kind=np.full(n, kind, np.int8), close=np.full(n, close))
    pctr = np.linspace(0.01, 0.02, n)
    scores = Scores(pctr, np.full(n, np.nan), "p", "full")
    return QualityScore().quality(REQUEST, replace(NOBODY, query=query), Candidates(snapshot, np.arange(n), match=match), scores)


def test_the_landing_page_makes_three_tenths_of_the_factor(searching: Any) -> None:
    snapshot = searching.live.snapshot
    quality = judged(searching)
    page, known = page_relevance(snapshot, QUERY, None, np.arange(len(snapshot)))
    assert quality.factor == pytest.approx(0.7 + 0.3 * page) and quality.page == pytest.approx(page)
    assert 0 < known.sum() < len(known) and (page[~known] == 0.5).all()


@pytest.mark.parametrize(
    ("kind", "close", "alike", "relevance"),
    [(0, False, np.nan, 1.0), (1, False, np.nan, 0.9), (2, True, np.nan, 0.665), (SEMANTIC, False, 0.8, 0.65), (0, False, -0.2, 0.5)],
)
def test_ad_relevance_is_how_it_matched_and_how_alike_it_is(searching: Any, kind: int, close: bool, alike: float, relevance: float) -> None:
    quality = judged(searching, kind=kind, close=close, alike=alike)
    assert quality.relevance is not None and quality.relevance == pytest.approx(np.full(len(quality.relevance), relevance))


def test_what_the_click_through_rate_tells_is_not_counted_twice_nor_what_is_hidden_elsewhere(searching: Any) -> None:
    plain = judged(searching)
    exact = judged(searching, kind=0, alike=0.9)
    assert exact.relevance is not None and plain.relevance is not None and (exact.relevance > plain.relevance).all()
    assert exact.factor == pytest.approx(plain.factor) == judged(searching, hidden=0.1).factor


def test_expected_ctr_is_a_half_at_the_searchs_median_and_rises_with_pctr(searching: Any) -> None:
    quality = judged(searching)
    pctr = np.linspace(0.01, 0.02, len(searching.live.snapshot))
    assert quality.ctr is not None and (np.diff(quality.ctr) > 0).all()
    assert quality.ctr == pytest.approx(pctr / (pctr + 0.015)) and np.median(quality.ctr) == pytest.approx(0.5, abs=0.01)


def test_the_shown_score_runs_from_1_to_10_and_grows_with_every_part() -> None:
    def score(ctr: float, relevance: float, page: float) -> int:
        one = [np.array([v]) for v in (1.0, ctr, relevance, page)]
        parts = Quality(*one, np.array([True]), np.array([2.0], np.float32)).parts(0)
        assert parts is not None and parts.page_age_days == 2
        return parts.score

    assert score(0, 0, 0) == 1 and score(1, 1, 1) == 10
    for low, high in (((0, 0.5, 0.5), (1, 0.5, 0.5)), ((0.5, 0, 0.5), (0.5, 1, 0.5)), ((0.5, 0.5, 0), (0.5, 0.5, 1))):
        assert score(*low) < score(*high)
