"""Readings of queries are cached for all users together, of one language model each, and of nobody without consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.text import stem
from serving.caches.memory import MemoryLevel
from serving.caches.memory_generations import MemoryGenerations
from serving.caches.tiered import CacheLevel, CacheTerms, TieredCache
from serving.engine.live import Live
from serving.engine.stages import NOBODY
from serving.language.analyse import analyse
from serving.language.dictionary import Dictionary
from serving.language.gazetteer import Gazetteer
from serving.language.language import Language
from serving.language.query_classifier import OUTPUTS, QueryClassifier
from serving.language.spelling import Spelling
from serving.language.text_encoder import BUCKETS
from serving.record.query import Query, Term
from serving.record.request import AdRequest
from serving.understanding.query_analysis import QUERY, QueryAnalysis

ASKED = AdRequest("r1", "search", "u1", datetime(2026, 1, 5, 12, tzinfo=UTC), language="en", query="Runing shoes berlin")


@pytest.fixture(scope="module")
def language() -> Language:
    weights = np.random.default_rng(1).normal(size=(BUCKETS, OUTPUTS)).astype(np.float32)
    names = [("running shoes", "product", "running shoes"), ("berlin", "location", "berlin")]
    related = {stem("shoes"): (Term("sneakers", 0.8, "clicks"),)}
    spelling = Spelling({"running": 50, "shoes": 80, "berlin": 9}, Dictionary.of([{"running": 9_000}]))
    return Language("1", spelling, Gazetteer(names), related, QueryClassifier(weights, np.zeros(OUTPUTS, np.float32)))


def a_cache() -> TieredCache:
    return TieredCache((CacheLevel("l1", MemoryLevel(1_000_000), 300),), MemoryGenerations(600), CacheTerms(60, 30, 0))


def understood(analysis: QueryAnalysis, request: AdRequest, language: Language | None) -> Query | None:
    return analysis.understand(request, NOBODY, Live(None, language=language)).query


def outcomes(cache: TieredCache) -> dict[str, int]:
    return {outcome: n for (_, kind, outcome), n in cache.counts.items() if kind == "query"}


def test_a_query_is_read_once_for_everybody(language: Language) -> None:
    cache = a_cache()
    analysis = QueryAnalysis(cache)
    plain = analyse(ASKED.query, language, "en")
    assert plain.corrections and plain.entities and plain.expanded and plain.categories
    assert [understood(analysis, replace(ASKED, user_id=user), language) for user in ("u1", "u2", "u2")] == [plain] * 3
    assert outcomes(cache) == {"miss": 1, "hit": 2}


def test_another_model_or_language_reads_it_anew(language: Language) -> None:
    cache = a_cache()
    analysis = QueryAnalysis(cache)
    other = Language("2", Spelling({}, Dictionary.of([])), language.gazetteer, {}, language.classifier)
    assert understood(analysis, ASKED, language) != understood(analysis, ASKED, other) == analyse(ASKED.query, other, "en")
    assert understood(analysis, replace(ASKED, language="de-DE"), language) == analyse(ASKED.query, language, "de-DE")
    assert outcomes(cache) == {"miss": 3}


def test_without_consent_it_may_be_found_and_is_not_left_behind(language: Language) -> None:
    cache = a_cache()
    analysis, refused = QueryAnalysis(cache), replace(ASKED, consent=False)
    plain = analyse(ASKED.query, language, "en")
    assert [understood(analysis, refused, language) for _ in range(2)] == [plain, plain]
    assert outcomes(cache) == {"miss": 2}
    assert [understood(analysis, request, language) for request in (ASKED, refused)] == [plain, plain]
    assert outcomes(cache) == {"miss": 3, "hit": 1}


def test_without_a_model_the_words_alone_are_read_and_nothing_is_kept() -> None:
    cache = a_cache()
    found = understood(QueryAnalysis(cache), ASKED, None)
    assert found is not None and found.flags == ("language_absent",) and not cache.counts


@given(st.text(max_size=60), st.sampled_from(["", "en", "de-AT"]))
def test_any_reading_comes_back_as_it_was(language: Language, text: str, spoken: str) -> None:
    query = analyse(text, language, spoken)
    assert QUERY.decode(QUERY.encode(query)) == query
