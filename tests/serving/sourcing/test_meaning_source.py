"""Which categories search by meaning looks at, and what it lets pass when it is not clear what is asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from feature_repo.taxonomy import CATEGORIES
from serving.engine.stages import NOBODY, Context
from serving.record.query import NO_WORD_KNOWN, Query
from serving.record.request import AdRequest
from serving.sourcing.meaning import ALIKE_AT_ALL, CLEAR, LEAST_ALIKE, Meaning, _likely


def asked(searching: Any, *categories: tuple[str, float]) -> Context:
    """A query for running shoes whose words raise such categories by so much."""
    query = Query("running shoes", "running shoes", ("running", "shoes"), ("run", "shoe"), categories=categories, added=categories)
    return replace(NOBODY, query=query, query_vector=searching.live.encoder.encode(["running shoes"])[0])


@pytest.mark.parametrize(
    ("categories", "looked_at"),
    [
        ((("sports", 0.9), ("home", 0.1)), ["sports"]),
        ((("sports", 0.5), ("home", 0.15), ("food", 0.09)), ["sports", "home"]),
        ((("travel", CLEAR),), ["travel"]),
        ((("travel", CLEAR - 0.01), ("sports", CLEAR - 0.02)), None),
        ((), None),
    ],
)
def test_of_a_clear_query_its_categories_and_those_close_to_it_else_all(searching: Any, categories: Any, looked_at: Any) -> None:
    assert _likely(asked(searching, *categories)) == looked_at


def test_where_the_category_is_not_clear_ads_have_to_be_alike(searching: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def alike(*categories: tuple[str, float]) -> NDArray[np.float32]:
        request = AdRequest("r", "search", "u", datetime(2026, 1, 5, tzinfo=UTC))
        found = Meaning(100, 0).source(request, asked(searching, *categories), searching.live, 0).match
        assert found is not None
        return found.similarity

    every = np.sort(alike(("travel", 0.0)))
    assert len(every) == (every >= LEAST_ALIKE).sum() > 0, "what is not clear has to be alike"
    monkeypatch.setattr("serving.sourcing.meaning._likely", lambda context: list(CATEGORIES) if context.query.categories else None)
    some, near = alike(("travel", 0.9)), alike()
    assert len(some) >= len(near) == len(every) and some.min() >= ALIKE_AT_ALL and near.min() >= LEAST_ALIKE
    assert len(some) == (searching.live.snapshot.meaning.vectors_of(np.arange(len(searching.live.snapshot)))
                         @ searching.live.encoder.encode(["running shoes"])[0] >= ALIKE_AT_ALL).sum()  # fmt: skip


def test_a_query_of_which_no_word_is_known_gets_no_ad_by_meaning(searching: Any) -> None:
    context = asked(searching)
    assert context.query is not None
    unheard = replace(context, query=replace(context.query, flags=(NO_WORD_KNOWN,)))
    request = AdRequest("r", "search", "u", datetime(2026, 1, 5, tzinfo=UTC))
    found = [len(Meaning(100, 0).source(request, c, searching.live, 0)) for c in (context, unheard)]
    assert found[0] > 0 and found[1] == 0
