"""What a record may hold: all of it with consent; without, neither the asker nor a word of what they typed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from serving.record.decision import Decision, Funnel
from serving.record.keepable import keepable
from serving.record.query import Entity, Query, Term
from serving.record.request import AdRequest

QUERY = Query(
    "Redd shoos", "red shoes", ("red", "shoes"), ("red", "shoe"), "en", (("redd", "red"), ("shoos", "shoes")),
    (Entity("red shoes", "product", "shoes", 0, 9),), (Term("sneakers of red", 0.5, "clicks"),), 0.9, (("style", 0.8),),
    "transactional", 0.7,
)  # fmt: skip


@pytest.fixture
def made() -> Decision:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    request = AdRequest("r1", "search", "somebody", at, query=QUERY.original)
    return Decision("d1", request, at, "full", "click@1", "click", "s1", Funnel({}, {}, 0, 0, 0), (), (), query=QUERY)


def test_with_consent_it_is_the_record(made: Decision) -> None:
    assert keepable(made) is made


def test_without_consent_nobody_can_read_who_it_was_and_what_was_typed(made: Decision) -> None:
    silent = replace(made, request=replace(made.request, consent=False))
    kept = keepable(silent)
    content = msgspec.json.encode(kept).lower()
    assert [word for word in (b"somebody", b"redd", b'"red"', b"shoe", b"shoo", b"sneaker") if word in content] == []
    assert kept.query == Query("", "", (), (), "en", commercial=0.9, categories=(("style", 0.8),), intent_probability=0.7)
    assert replace(kept, request=silent.request, query=QUERY) == silent, "all else stays"
    assert keepable(kept) == kept and keepable(replace(silent, query=None)).query is None
