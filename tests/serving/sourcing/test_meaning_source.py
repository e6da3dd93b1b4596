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
from serving.record.query import Query
from serving.record.request import AdRequest
from serving.sourcing.meaning import LEAST_ALIKE, Meaning, _likely


def asked(searching: Any, *categories: tuple[str, float]) -> Context:
    """A query for running shoes that is of such categories."""
    query = Query("running shoes", "running shoes", ("running", "shoes"), ("run", "shoe"), categories=categories)
    return replace(NOBODY, query=query, query_vector=searching.live.encoder.encode(["running shoes"])[0])


@pytest.mark.parametrize(
    ("categories", "looked_at"),
    [
        ((("sports", 0.9), ("home", 0.1)), ["sports"]),
        ((("sports", 0.5), ("home", 0.15), ("food", 0.1)), ["sports", "home"]),
        ((("travel", 0.12),), ["travel"]),
        ((("travel", 0.11), ("sports", 0.1)), None),
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

    monkeypatch.setattr("serving.sourcing.meaning._likely", lambda context: [CATEGORIES[0]] if context.query.categories else None)
    every, near = alike(("travel", 0.9)), alike()
    assert len(every) == len(searching.live.snapshot) and every.min() < LEAST_ALIKE
    assert len(near) == (every >= LEAST_ALIKE).sum() > 0 and near.min() >= LEAST_ALIKE
