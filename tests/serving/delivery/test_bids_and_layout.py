"""What may stand where, for how much: thresholds by slot, fewer ads for who wants to know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.delivery.layout import EMPTY, TopAndBottom, places
from serving.engine.stages import NOBODY
from serving.record.query import Query
from serving.record.request import AdRequest
from serving.snapshot.snapshot import Placement

ASKED = AdRequest("r", "search", "u", datetime(2026, 1, 5, tzinfo=UTC), slots=4)
PLACE = Placement("search-main", "search", 4, 1_000_000)


@given(
    st.lists(st.floats(0, 1e7), max_size=6).map(lambda x: sorted(x, reverse=True)),
    st.lists(st.floats(0, 1e7), max_size=5).map(lambda x: sorted(x, reverse=True)),
)
def test_slots_are_filled_in_order_by_who_is_good_enough(ranks: list[float], thresholds: list[float]) -> None:
    stand = places(np.array(ranks), thresholds)
    taken = [i for i in stand if i != EMPTY]
    assert len(stand) == len(thresholds) and taken == list(range(len(taken)))
    assert all(ranks[i] >= least for i, least in zip(stand, thresholds, strict=True) if i != EMPTY)
    for slot, i in enumerate(stand):
        following = sum(j != EMPTY for j in stand[:slot])
        if i == EMPTY and following < len(ranks):
            assert ranks[following] < thresholds[slot], "an empty slot that the next in rank is good enough for"


def test_the_top_needs_more_than_the_floor() -> None:
    slots = TopAndBottom(2, 1.5, 1).slots(ASKED, NOBODY, PLACE, 1_000_000)
    assert slots.thresholds == (1_500_000, 1_500_000, 0, 0)
    assert [slots.block(p) for p in (1, 2, 3, 4)] == ["top", "top", "bottom", "bottom"]


@pytest.mark.parametrize(
    ("intent", "probability", "count"), [("transactional", 1.0, 4), ("informational", 1.0, 2), ("informational", 0.5, 3)]
)
def test_who_wants_to_know_sees_fewer_ads(intent: str, probability: float, count: int) -> None:
    context = replace(NOBODY, query=Query("q", "q", ("q",), ("q",), intent=intent, intent_probability=probability))
    assert len(TopAndBottom(2, 1.5, 1).slots(ASKED, context, PLACE, 1_000_000).thresholds) == count
