"""What is charged: events in their time alone, each sale once, by the budget that was in force when the ad was shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.engine.live import Live
from serving.errors import ServingError
from serving.eventlog.log import Event
from serving.eventlog.memory import MemoryEventLog
from serving.ledger.ledger import Hide
from serving.ledger.memory import MemoryLedger
from serving.record.decision import Decision
from serving.room_settings import AttributionSettings
from serving.worker.attribution import KNOWN
from serving.worker.billing import Bill, Billing
from tests.examples import examples
from tests.serving.every_store import NOON, a_decision

WINDOWS = {"impression": timedelta(hours=1), "click": timedelta(hours=24), "conversion": timedelta(days=30), "hide": timedelta(hours=24)}
SKEW = timedelta(minutes=5)


class Books:
    """An event log and a ledger, and the bills that are made of them."""

    def __init__(self, *decisions: Decision, live: Live = Live(None), **changes: Any) -> None:
        self.log, self.ledger, self.live = MemoryEventLog(), MemoryLedger(), live
        self.changed: list[str] = []
        self.billing = Billing(self.log, self.ledger, AttributionSettings(**changes), self.changed.append)
        for decision in decisions:
            self.log.append_decision(decision)

    def bill(self, *events: Event, received: datetime) -> Bill:
        return self.billing.bill(events, self.live, received)

    def spent(self, at: datetime) -> int:
        return int(self.ledger.spent(["k1"], at.date())[0])

    def seen(self, user: str = "u1", at: datetime = NOON) -> int:
        return self.ledger.past(user, at.date(), at).exposures.get("k1", 0)


def sold(key: str = "d1", at: datetime = NOON, charged_on: str = "click", **changes: Any) -> Decision:
    made = a_decision(key, at)
    price = made.shown[0].price
    assert price is not None
    shown = replace(made.shown[0], price=replace(price, charged_on=charged_on), **{"budget_micros": 10_000_000, **changes})
    return replace(made, shown=(shown,))


def event(kind: str, after: float = 0.0, key: str = "", decision: str = "d1") -> Event:
    """Of the ad that a decision showed, so many seconds after NOON."""
    return Event(key or f"{decision}:{kind}", decision, "a1", kind, NOON + timedelta(seconds=after))


@given(
    kind=st.sampled_from(sorted(WINDOWS)),
    ts=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
    | st.builds(lambda s: NOON + timedelta(seconds=s), st.integers(-90_000, 31 * 86_400)),
    received=st.builds(lambda s: NOON + timedelta(seconds=s), st.integers(0, 40 * 86_400)),
)
@settings(max_examples=examples(400))
def test_an_event_counts_between_its_decision_and_the_end_of_its_window(kind: str, ts: datetime, received: datetime) -> None:
    books = Books(sold(charged_on="click" if kind == "hide" else kind))
    if kind == "click":
        books.bill(event("impression"), received=NOON)
    counts = NOON - SKEW <= ts <= NOON + WINDOWS[kind] and ts <= received + SKEW
    found = books.bill(Event("e1", "d1", "a1", kind, ts), received=received)
    assert (found.accepted, len(found.late)) == ((1, 0) if counts else (0, 1))
    due = 400_000 if counts and kind != "hide" else 0
    assert found.charged_micros == due
    if counts:
        kept = books.log.event("e1")
        assert kept is not None and NOON <= kept.ts <= received, "neither before its decision nor in the future"
        assert books.spent(kept.ts) == due
    else:
        assert books.log.event("e1") is None
        assert [one.event_id for one, _ in books.log.late(received, received + SKEW)] == ["e1"]
        why = {"in_the_future": ts > received + SKEW, "before_the_decision": ts < NOON, "after_the_window": ts > NOON}
        assert why[found.late["e1"]]
        assert not books.spent(ts) and not books.spent(received) and not books.spent(NOON)


def test_a_click_before_midnight_counts_to_its_day_whenever_it_comes() -> None:
    shown = datetime(2026, 3, 9, 23, 59, 50, tzinfo=UTC)
    books = Books(sold(at=shown))
    events = [Event(kind, "d1", "a1", kind, shown + timedelta(seconds=8)) for kind in ("impression", "click")]
    assert books.bill(*events, received=shown + timedelta(seconds=30)).charged_micros == 400_000
    assert books.spent(shown) == 400_000 and books.spent(shown + timedelta(days=1)) == 0


def test_a_page_whose_clock_is_ahead_does_not_spend_tomorrows_budget() -> None:
    shown = datetime(2026, 3, 9, 23, 57, tzinfo=UTC)
    books = Books(sold(at=shown))
    events = [Event(kind, "d1", "a1", kind, shown + timedelta(minutes=4)) for kind in ("impression", "click")]
    books.bill(*events, received=shown + timedelta(seconds=5))
    assert books.spent(shown) == 400_000


def test_the_budget_is_that_of_the_record_whatever_the_catalogue_says_now() -> None:
    books = Books(sold(budget_micros=300_000), live=Live(None))
    assert books.bill(event("impression"), event("click"), received=NOON).charged_micros == 300_000


def test_where_nothing_says_what_the_budget_is_nothing_is_kept_and_the_retry_charges(bench: Any) -> None:
    of_before = sold(budget_micros=None, campaign_id=bench.snapshot.campaign_ids[0])
    events = event("impression"), event("click")
    books = Books(of_before)
    with pytest.raises(ServingError, match="budget of campaign"):
        books.bill(*events, received=NOON)
    assert books.log.event("d1:click") is None
    books.live = bench.live
    again = books.bill(*events, received=NOON)
    assert (again.accepted, again.charged_micros) == (2, 400_000)


def test_late_events_of_a_batch_leave_the_others_alone() -> None:
    books = Books(sold(), sold("d2"))
    books.bill(event("impression"), event("impression", decision="d2"), received=NOON)
    late = event("click", after=2 * 86_400, decision="d2")
    found = books.bill(event("click"), late, event("click", decision="d9"), received=NOON + timedelta(days=3))
    assert (found.accepted, found.late, found.unknown, found.charged_micros) == (
        1,
        {"d2:click": "after_the_window"},
        ("d9:click",),
        400_000,
    )


def test_one_impression_under_many_ids_counts_once() -> None:
    books = Books(sold())
    for n in range(5):
        assert books.bill(event("impression", key=f"e{n}"), received=NOON).accepted == 1
    assert books.seen() == 1


def test_a_click_needs_its_impression_and_waits_a_minute_for_it() -> None:
    for seconds, due in ((0, 400_000), (60, 400_000), (61, 0)):
        books = Books(sold())
        alone = books.bill(event("click"), received=NOON)
        assert (alone.accepted, alone.charged_micros) == (1, 0), "it is kept, and waits"
        at = NOON + timedelta(seconds=seconds)
        assert books.bill(event("impression", after=seconds), received=at).charged_micros == due
        assert books.spent(NOON) == due
        assert books.bill(event("click"), event("impression"), received=at).charged_micros == due, "sent again, it says what it cost"
        assert books.spent(NOON) == due


def test_one_click_is_charged_for_an_ad_on_a_page() -> None:
    books = Books(sold())
    books.bill(event("impression"), received=NOON)
    clicks = [books.bill(event("click", key=f"e{n}"), received=NOON).charged_micros for n in range(4)]
    assert clicks == [400_000] * 4 and books.spent(NOON) == 400_000, "each says what the sale cost; it is charged once"


def test_clicks_faster_than_a_person_are_set_aside_and_cost_nothing() -> None:
    pages = [f"d{n}" for n in range(120)]
    books = Books(*(sold(key, budget_micros=10**9) for key in pages), most_clicks_a_minute=7)
    books.bill(*(event("impression", decision=key) for key in pages), received=NOON)
    found = books.bill(*(event("click", decision=key) for key in pages), received=NOON)
    assert found.accepted == 7 and found.charged_micros == books.spent(NOON) == 7 * 400_000
    assert set(found.late.values()) == {"too_many_clicks"} and len(found.late) == 113
    kept = [one.decision_id for one, _ in books.log.events(NOON, NOON + SKEW) if one.kind == "click"]
    assert sorted(kept) == sorted(pages[:7]), "the others are not learned from"
    again = books.bill(*(event("click", decision=key) for key in pages[:7]), received=NOON)
    assert (again.duplicate, again.late) == (7, {}), "a retry is no flood"


@pytest.mark.parametrize("kind", ["hide", "report"])
def test_a_hide_is_kept_with_the_user(kind: str) -> None:
    books = Books(sold(), hide_days=7)
    books.bill(event(kind), received=NOON)
    expected = Hide("a1", "adv", kind == "report", NOON + timedelta(days=7))
    assert books.ledger.past("u1", NOON.date(), NOON).hidden == (expected,)


def test_caches_hear_of_what_a_user_did_and_not_of_what_was_shown_or_does_not_count() -> None:
    books = Books(sold(), sold("d2"))
    books.bill(event("impression"), received=NOON)
    books.bill(event("click", after=-1e6, decision="d2"), received=NOON)
    assert books.changed == []
    books.bill(event("click"), event("hide"), received=NOON)
    assert books.changed == ["u1", "u1"]
    books.bill(event("click"), received=NOON)
    assert len(books.changed) == 3, "a retry completes what may have been cut off"


class Interrupted(Exception):
    """The process ends here."""


@pytest.mark.parametrize("lost", ["expose", "charge", "settle"])
def test_what_was_kept_before_a_crash_is_settled_at_the_next_start(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*given: Any) -> None:
        raise Interrupted

    books = Books(sold())
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(books.log if lost == "settle" else books.ledger, lost, ends)
        books.bill(event("impression"), event("click"), received=NOON)
    assert books.billing.catch_up(books.live, NOON + timedelta(hours=1)) == 2
    assert (books.seen(), books.spent(NOON)) == (1, 400_000)
    assert books.billing.catch_up(books.live, NOON + timedelta(hours=1)) == 0, "once"
    again = books.bill(event("impression"), event("click"), received=NOON)
    assert (again.duplicate, again.charged_micros, books.seen(), books.spent(NOON)) == (2, 400_000, 1, 400_000)


def test_a_retry_repairs_what_a_failed_write_left_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: Any) -> None:
        raise OSError("disk full")

    books = Books(sold())
    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(books.ledger, "expose", fails)
        books.bill(event("impression"), received=NOON)
    assert books.bill(event("impression"), received=NOON).duplicate == 1 and books.seen() == 1


def test_an_event_whose_budget_nobody_knows_waits_for_the_next_start(bench: Any) -> None:
    books = Books(sold(budget_micros=None, campaign_id=bench.snapshot.campaign_ids[0]))
    books.log.append_events([event("impression"), event("click")], NOON)
    assert books.billing.catch_up(Live(None), NOON) == 0
    assert books.billing.catch_up(bench.live, NOON) == 2
    assert int(books.ledger.spent([bench.snapshot.campaign_ids[0]], NOON.date())[0]) == 400_000


def test_what_comes_months_late_is_not_charged_and_what_comes_weeks_late_is_charged_to_its_day() -> None:
    books = Books(sold())
    told = [Event(kind, "d1", "a1", kind, NOON + timedelta(minutes=1)) for kind in ("impression", "click")]
    assert books.bill(*told, received=NOON + KNOWN + timedelta(seconds=1)).late == dict.fromkeys(
        ("impression", "click"), "after_the_window"
    )
    assert books.bill(*told, received=NOON + KNOWN).charged_micros == 400_000 == books.spent(NOON)
