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
from serving.ledger.memory import MemoryLedger
from serving.record.decision import Decision
from serving.room_settings import AttributionSettings
from serving.worker.attribution import Attribution
from serving.worker.billing import Bill, bill
from tests.examples import examples
from tests.serving.stores import NOON, a_decision

WINDOWS = {"impression": timedelta(hours=1), "click": timedelta(hours=24), "conversion": timedelta(days=30), "hide": timedelta(hours=24)}
SKEW = timedelta(minutes=5)
ATTRIBUTION = Attribution(AttributionSettings())


class Books:
    """An event log and a ledger, and the bills that are made of them."""

    def __init__(self, *decisions: Decision, live: Live = Live(None)) -> None:
        self.log, self.ledger, self.live = MemoryEventLog(), MemoryLedger(), live
        for decision in decisions:
            self.log.append_decision(decision)

    def bill(self, *events: Event, received: datetime) -> Bill:
        return bill(events, self.log, self.ledger, self.live, ATTRIBUTION, received)

    def spent(self, at: datetime) -> int:
        return int(self.ledger.spent(["k1"], at.date())[0])


def sold(at: datetime = NOON, charged_on: str = "click", **changes: Any) -> Decision:
    made = a_decision("d1", at)
    price = made.shown[0].price
    assert price is not None
    shown = replace(made.shown[0], price=replace(price, charged_on=charged_on), **{"budget_micros": 10_000_000, **changes})
    return replace(made, shown=(shown,))


@given(
    kind=st.sampled_from(sorted(WINDOWS)),
    ts=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
    | st.builds(lambda s: NOON + timedelta(seconds=s), st.integers(-90_000, 31 * 86_400)),
    received=st.builds(lambda s: NOON + timedelta(seconds=s), st.integers(0, 40 * 86_400)),
)
@settings(max_examples=examples(400))
def test_an_event_counts_between_its_decision_and_the_end_of_its_window(kind: str, ts: datetime, received: datetime) -> None:
    books = Books(sold(charged_on=kind))
    counts = NOON - SKEW <= ts <= NOON + WINDOWS[kind] and ts <= received + SKEW
    found = books.bill(Event("e1", "d1", "a1", kind, ts), received=received)
    assert (found.accepted, len(found.late)) == ((1, 0) if counts else (0, 1))
    assert found.charged_micros == (400_000 if counts else 0)
    if counts:
        kept = books.log.event("e1")
        assert kept is not None and NOON <= kept.ts <= received, "neither before its decision nor in the future"
        assert books.spent(kept.ts) == 400_000
    else:
        assert books.log.event("e1") is None
        assert [event.event_id for event, _ in books.log.late(received, received + SKEW)] == ["e1"]
        why = {"in_the_future": ts > received + SKEW, "before_the_decision": ts < NOON, "after_the_window": ts > NOON}
        assert why[found.late["e1"]]
        assert not books.spent(ts) and not books.spent(received) and not books.spent(NOON)


def test_a_click_before_midnight_counts_to_its_day_whenever_it_comes() -> None:
    shown = datetime(2026, 3, 9, 23, 59, 50, tzinfo=UTC)
    books = Books(sold(shown))
    click = Event("e1", "d1", "a1", "click", shown + timedelta(seconds=8))
    assert books.bill(click, received=shown + timedelta(seconds=30)).charged_micros == 400_000
    assert books.spent(shown) == 400_000 and books.spent(shown + timedelta(days=1)) == 0


def test_a_page_whose_clock_is_ahead_does_not_spend_tomorrows_budget() -> None:
    shown = datetime(2026, 3, 9, 23, 57, tzinfo=UTC)
    books = Books(sold(shown))
    books.bill(Event("e1", "d1", "a1", "click", shown + timedelta(minutes=4)), received=shown + timedelta(seconds=5))
    assert books.spent(shown) == 400_000


def test_the_budget_is_that_of_the_record_whatever_the_catalogue_says_now() -> None:
    books = Books(sold(budget_micros=300_000), live=Live(None))
    assert books.bill(Event("e1", "d1", "a1", "click", NOON), received=NOON).charged_micros == 300_000


def test_where_nothing_says_what_the_budget_is_nothing_is_kept_and_the_retry_charges(bench: Any) -> None:
    of_before = sold(budget_micros=None, campaign_id=bench.snapshot.campaign_ids[0])
    click = Event("e1", "d1", "a1", "click", NOON)
    books = Books(of_before)
    with pytest.raises(ServingError, match="budget of campaign"):
        books.bill(click, received=NOON)
    assert books.log.event("e1") is None
    books.live = bench.live
    again = books.bill(click, received=NOON)
    assert (again.accepted, again.charged_micros) == (1, 400_000)


def test_an_impression_needs_no_budget() -> None:
    books = Books(sold(budget_micros=None))
    assert books.bill(Event("e1", "d1", "a1", "impression", NOON), received=NOON).accepted == 1


def test_late_events_of_a_batch_leave_the_others_alone() -> None:
    books = Books(sold())
    moments = {"e1": NOON, "e2": NOON + timedelta(days=2), "e3": NOON}
    events = [Event(key, "d9" if key == "e3" else "d1", "a1", "click", ts) for key, ts in moments.items()]
    found = books.bill(*events, received=NOON + timedelta(days=3))
    assert (found.accepted, found.late, found.unknown, found.charged_micros) == (1, {"e2": "after_the_window"}, ("e3",), 400_000)
