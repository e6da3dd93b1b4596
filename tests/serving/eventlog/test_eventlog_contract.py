"""Decisions and events: kept whole, once each, and found by time; the same in every store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from serving.eventlog.log import BillableLog, Event, First
from serving.record.decision import Decision, RankedAd, legible

SECOND = timedelta(seconds=1)


def test_a_decision_comes_back_as_it_was(eventlog: BillableLog, decided: Callable[..., Decision]) -> None:
    eventlog.append_decision(decided("d1"))
    assert eventlog.decision("d1") == decided("d1")
    assert eventlog.decision("d2") is None


def test_vectors_of_older_records_stay_readable(eventlog: BillableLog, decided: Callable[..., Decision]) -> None:
    numbers = (0.1, -2.5, float(np.float32(1 / 3)))
    ads = [
        RankedAd("c", "k", "a", "cpc", 1_000, 0.1, None, 1.0, 1_000, features=f) for f in (numbers, np.array(numbers, "<f4").tobytes(), b"")
    ]
    eventlog.append_decision(replace(decided("d1"), held=tuple(ads), version=5))
    found = eventlog.decision("d1")
    assert found is not None and found.held == tuple(ads)
    assert [ad.vector.tolist() for ad in found.held] == [np.array(numbers, np.float32).tolist()] * 2 + [[]]
    assert [ad.features for ad in legible(found).held] == [tuple(np.array(numbers, np.float32).tolist())] * 2 + [()]


def test_a_decision_is_never_rewritten(eventlog: BillableLog, decided: Callable[..., Decision]) -> None:
    eventlog.append_decision(decided("d1"))
    eventlog.append_decision(replace(decided("d1"), rung="popular"))
    found = eventlog.decision("d1")
    assert found is not None and found.rung == "full"


def test_decisions_are_found_from_until_in_order(eventlog: BillableLog, decided: Callable[..., Decision], noon: datetime) -> None:
    for key, at in (("d3", noon + 2 * SECOND), ("d1", noon), ("d2", noon + SECOND)):
        eventlog.append_decision(decided(key, at))
    assert [d.decision_id for d in eventlog.decisions(noon, noon + 2 * SECOND)] == ["d1", "d2"]
    assert [d.decision_id for d in eventlog.decisions(noon + timedelta(microseconds=1), noon + 3 * SECOND)] == ["d2", "d3"]


def test_shadow_scores_join_their_decision(eventlog: BillableLog, decided: Callable[..., Decision], noon: datetime) -> None:
    eventlog.append_decision(decided("d1"))
    eventlog.append_shadow("d1", "click@2", [0.5, 0.25])
    eventlog.append_shadow("d1", "click@3", [0.125])
    expected = {"click@2": (0.5, 0.25), "click@3": (0.125,)}
    found = eventlog.decision("d1")
    assert found is not None and found.shadow == expected
    assert [d.shadow for d in eventlog.decisions(noon, noon + SECOND)] == [expected]


def test_an_event_is_new_once(eventlog: BillableLog, happened: Callable[..., Event], noon: datetime) -> None:
    assert eventlog.append_events([happened("e1"), happened("e2"), happened("e1")], noon) == [True, True, False]
    assert eventlog.append_events([happened("e1", "other"), happened("e3")], noon + SECOND) == [False, True]
    assert eventlog.event("e1") == happened("e1"), "the first stands"
    assert eventlog.event("e9") is None
    assert eventlog.append_events([], noon) == []


def test_events_are_found_by_when_they_were_received(eventlog: BillableLog, happened: Callable[..., Event], noon: datetime) -> None:
    late = happened("e1", after=-timedelta(hours=9))
    eventlog.append_events([happened("e2")], noon + SECOND)
    eventlog.append_events([late], noon)
    assert list(eventlog.events(noon, noon + 2 * SECOND)) == [(late, noon), (happened("e2"), noon + SECOND)]
    assert list(eventlog.events(noon, noon + SECOND)) == [(late, noon)]
    assert list(eventlog.events(noon + 2 * SECOND, noon + 9 * SECOND)) == []


def test_fifty_at_once_are_one(eventlog: BillableLog, happened: Callable[..., Event], noon: datetime) -> None:
    with ThreadPoolExecutor(25) as pool:
        fresh = [new for news in pool.map(lambda _: eventlog.append_events([happened("e1")], noon), range(50)) for new in news]
    assert sorted(fresh) == [False] * 49 + [True]
    assert len(list(eventlog.events(noon, noon + SECOND))) == 1


def test_late_events_are_kept_apart_once(eventlog: BillableLog, happened: Callable[..., Event], noon: datetime) -> None:
    eventlog.append_late([(happened("e2"), "after_the_window"), (happened("e1"), "in_the_future")], noon)
    eventlog.append_late([(happened("e1"), "after_the_window"), (happened("e3"), "before_the_decision")], noon + SECOND)
    eventlog.append_late([], noon)
    whole = [(happened("e1"), "in_the_future"), (happened("e2"), "after_the_window"), (happened("e3"), "before_the_decision")]
    assert list(eventlog.late(noon, noon + 2 * SECOND)) == whole
    assert list(eventlog.late(noon + SECOND, noon + 2 * SECOND)) == whole[2:]
    assert eventlog.event("e1") is None and not list(eventlog.events(noon, noon + 9 * SECOND))


def test_what_is_not_settled_is_remembered(eventlog: BillableLog, happened: Callable[..., Event], noon: datetime) -> None:
    eventlog.append_events([happened("e2"), happened("e1")], noon + SECOND)
    eventlog.append_events([happened("e3")], noon)
    assert eventlog.unsettled() == [(happened("e3"), noon), (happened("e1"), noon + SECOND), (happened("e2"), noon + SECOND)]
    eventlog.settle(["e1", "e3", "e9"])
    eventlog.append_events([happened("e1")], noon)
    assert eventlog.unsettled() == [(happened("e2"), noon + SECOND)], "what comes again was settled"
    eventlog.settle([])


def test_the_first_of_each_kind_is_known_by_place(eventlog: BillableLog, happened: Callable[..., Event], noon: datetime) -> None:
    click, shown = happened("e1"), replace(happened("e0", after=SECOND), kind="impression")
    eventlog.append_events([click], noon + SECOND)
    eventlog.append_events([replace(click, event_id="e5", ts=noon), shown], noon + 2 * SECOND)
    assert eventlog.happened("d1", "a1") == {"click": First(click.ts, noon + SECOND), "impression": First(shown.ts, noon + 2 * SECOND)}
    assert eventlog.happened("d1", "a2") == {} and eventlog.happened("d2", "a1") == {}


def test_what_is_old_is_forgotten_whole_and_nothing_else(
    eventlog: BillableLog, decided: Callable[..., Decision], happened: Callable[..., Event], noon: datetime
) -> None:
    assert eventlog.first() is None and eventlog.forget(noon) == 0
    for key, at in (("d1", noon), ("d2", noon + SECOND)):
        eventlog.append_decision(decided(key, at))
        eventlog.append_shadow(key, "click@2", [0.5, 0.25])
    eventlog.append_events([happened("e1")], noon - SECOND)
    eventlog.append_events([happened("e2")], noon + SECOND)
    eventlog.append_late([(happened("e3"), "after_the_window")], noon)
    eventlog.append_late([(happened("e4"), "after_the_window")], noon + SECOND)
    assert eventlog.first() == noon - SECOND
    assert eventlog.forget(noon + SECOND) == 3, "d1, e1 and e3"
    assert eventlog.forget(noon + SECOND) == 0 and eventlog.first() == noon + SECOND
    assert eventlog.decision("d1") is None and eventlog.event("e1") is None
    kept = eventlog.decision("d2")
    assert kept is not None and kept.shadow == {"click@2": (0.5, 0.25)}
    assert list(eventlog.happened("d1", "a1")) == ["click"] and eventlog.happened("d1", "a1")["click"].received == noon + SECOND
    eventlog.append_decision(decided("d1", noon + 2 * SECOND))
    again = eventlog.decision("d1")
    assert again is not None and again.shadow == {}, "the scores of before are gone, too"
    assert [e.event_id for e, _ in eventlog.unsettled()] == ["e2"]
    assert [e.event_id for e, _ in eventlog.late(noon - SECOND, noon + 9 * SECOND)] == ["e4"]
    assert [e.event_id for e, _ in eventlog.events(noon - SECOND, noon + 9 * SECOND)] == ["e2"]


def test_more_than_a_batch_is_forgotten(eventlog: BillableLog, happened: Callable[..., Event], noon: datetime) -> None:
    eventlog.append_events([happened(f"e{i}", creative=f"a{i}") for i in range(2_500)], noon)
    assert eventlog.forget(noon + SECOND) == 2_500
    assert eventlog.first() is None and eventlog.unsettled() == [] and eventlog.happened("d1", "a7") == {}
