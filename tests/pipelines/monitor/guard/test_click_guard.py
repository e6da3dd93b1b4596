"""A click champion is held to its bands on what was served: luck takes none away, a poisoned one goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pipelines.bench.serving.synthetic import ranker
from pipelines.monitor.guard import Guard, Look
from serving.bundles import refusals
from serving.bundles.aliases import version_folder
from serving.eventlog.log import EventLog
from serving.settings import Settings

Make = Callable[..., Any]


def test_a_calibrated_champion_stays(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime
) -> None:
    serve(600, 0.1, 0.1, turn - timedelta(minutes=30), policy="click@0")
    serve(900, 0.1, 0.1)
    look = looked()
    assert left(look) == set() and look.reason == "" and look.version == "1"
    known = {r.measure.name: r.measure for r in look.readings}
    assert known["calibration_ratio"].seen == 900, "first positions that were seen, of its own decisions"
    assert known["click_rate_ratio"].value == pytest.approx(1, abs=0.4) and known["failing_share"].value == 0


def test_one_that_promises_five_times_too_much_goes_with_the_numbers(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]]
) -> None:
    serve(300, 0.5, 0.1)
    look = looked()
    assert left(look) == {"calibration_ratio"}
    assert "calibration ratio" in look.reason and "of 300, must be ≥ 0.5, ≤ 2" in look.reason


def test_one_that_promises_too_little_goes(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]]
) -> None:
    serve(900, 0.05, 0.25)
    assert left(looked()) == {"calibration_ratio"}


@pytest.mark.parametrize(("true", "gone"), [(0.156, set()), (0.03, {"further_calibration_ratio"})])
def test_it_answers_for_the_second_position_as_its_offsets_say(
    true: float, gone: set[str], settings: Settings, eventlog: EventLog, decided: Make, ad: Make, happened: Make,
    looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime,
) -> None:  # fmt: skip
    """0.2 at the first position is 0.156 at the second, 0.3 log-odds below it."""
    ranker(version_folder(settings.home.bundles, "click", "1"), trees=2, rows=500)
    rng = np.random.default_rng(4)
    for i in range(900):
        at, key = turn + timedelta(seconds=0.5 * i), f"two-{i}"
        eventlog.append_decision(decided(key, at, [ad("a", 0.2, 1), ad("b", 0.2, 2)]))
        kinds = [("a", "impression"), ("b", "impression"), *([("a", "click")] if rng.random() < 0.2 else [])]
        kinds += [("b", "click")] if rng.random() < true else []
        eventlog.append_events([happened(key, creative, kind, at) for creative, kind in kinds], at + timedelta(seconds=1))
    look = looked()
    known = {r.measure.name: r.measure for r in look.readings}
    assert left(look) == gone and known["calibration_ratio"].seen == known["further_calibration_ratio"].seen == 900
    assert known["further_calibration_ratio"].value == pytest.approx(0.156 / true, rel=0.4)


def test_without_its_files_nothing_is_said_of_further_positions(serve: Callable[..., None], looked: Callable[..., Look]) -> None:
    serve(300, 0.1, 0.1)
    known = {r.measure.name: r.measure for r in looked().readings}
    assert known["calibration_ratio"].seen == 300 and known["further_calibration_ratio"].seen == 0


def test_a_few_ads_prove_nothing(serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]]) -> None:
    serve(12, 0.5, 0.1)
    assert left(looked()) == set()
    nothing = looked(seconds=-1)
    assert left(nothing) == set() and "not known yet" in nothing.readings[0].words, "nor does nothing at all"


def test_young_impressions_wait_for_their_clicks(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]]
) -> None:
    serve(400, 0.2, 0.0)
    at = 200.0
    assert left(looked(at, settle=timedelta(seconds=195))) == set()
    assert left(looked(at, settle=timedelta(seconds=1))) >= {"calibration_ratio"}


def test_one_that_is_clicked_half_as_often_as_before_goes(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime
) -> None:
    serve(1_500, 0.3, 0.3, turn - timedelta(minutes=50), policy="click@0")
    serve(900, 0.08, 0.08)
    assert left(looked()) == {"click_rate_ratio"}


def test_explored_slates_do_not_lower_the_click_rate(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime
) -> None:
    serve(1_500, 0.3, 0.3, turn - timedelta(minutes=50), policy="click@0")
    serve(500, 0.02, 0.02, explored=True)
    assert left(looked()) == set()


def test_one_that_takes_too_long_goes(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime
) -> None:
    serve(400, 0.1, 0.1, stage_ms={"precision": 20.0})
    serve(25, 0.1, 0.1, turn + timedelta(minutes=4), stage_ms={"precision": 70.0})
    look = looked()
    assert left(look) == {"slow_share"} and look.p99_ms == pytest.approx(70.0)


ALONE = {"recall": 4.0, "integrity": 2.0}
"""Times of the other stages on a machine that has nothing else to do."""
BUSY = {stage: 3 * ms for stage, ms in ALONE.items()}


@pytest.mark.parametrize(
    ("rest", "gone"), [(BUSY, set()), (ALONE, {"slow_share"})], ids=["on a busy machine it stays", "on an idle one it goes"]
)
def test_late_and_slow_on_a_busy_machine_are_the_machines(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime, rest: dict[str, float],
    gone: set[str],
) -> None:  # fmt: skip
    """Every stage takes three times as long, and so does scoring."""
    serve(400, 0.1, 0.1, turn - timedelta(minutes=30), policy="click@0", stage_ms={"precision": 25.0, **ALONE})
    serve(200, 0.1, 0.1, stage_ms={"precision": 75.0, **rest})
    late = {"errors": ("BundleScorer_failed:Late",), "policy": "click@0", "rung": "fallback"}
    serve(100, 0.1, 0.1, turn + timedelta(minutes=3), stage_ms={"precision": 50.0, **rest}, **late)
    assert left(looked()) == gone


def test_one_that_was_never_in_time_goes_and_one_that_found_no_free_place_stays(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime
) -> None:
    """It scored nothing, so nothing but being late tells of it; how many calls run at a time is not the model's to choose."""
    serve(400, 0.1, 0.1, turn - timedelta(minutes=30), policy="click@0", stage_ms={"precision": 25.0, **ALONE})
    fallback = {"policy": "click@0", "rung": "fallback", "stage_ms": {"precision": 50.0, **ALONE}}
    serve(300, 0.1, 0.1, errors=("BundleScorer_failed:Busy",), **fallback)
    assert left(looked(160)) == set()
    serve(300, 0.1, 0.1, turn + timedelta(minutes=3), errors=("BundleScorer_failed:Late",), **fallback)
    assert left(looked()) == {"slow_share"}


@pytest.mark.parametrize(("version", "named_in"), [(4, "flags"), (5, "errors")])
def test_one_that_fails_goes_though_it_never_ranked(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime, version: int, named_in: str
) -> None:
    failed = {"version": version, named_in: ("BundleScorer_failed:ServingError",)}
    serve(80, 0.1, 0.1)
    serve(40, 0.1, 0.1, turn + timedelta(minutes=4), policy="click@0", rung="fallback", **failed)
    assert left(looked()) == {"failing_share"}


def test_other_flags_and_what_served_before_it_are_not_its_fault(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime
) -> None:
    serve(300, 0.1, 0.1, flags=("user_unknown", "late"))
    serve(300, 0.5, 0.1, turn - timedelta(minutes=5), policy="click@0", errors=("BundleScorer_failed:ServingError",))
    assert left(looked()) == set()


def test_a_champion_that_came_back_does_not_answer_for_the_one_it_replaced(
    serve: Callable[..., None], looked: Callable[..., Look], left: Callable[[Look], set[str]], turn: datetime
) -> None:
    """Workers take some seconds to swap; until then the bad one fails on, and then stands refused in the champion's place."""
    down = {"policy": "historical_rate", "rung": "popular"}
    serve(20, 0.1, 0.1, turn, seed=2, errors=("BundleScorer_failed:ServingError",), **down)
    serve(
        200, 0.1, 0.1, turn + timedelta(seconds=10), refused={"click@2": "poisoned"}, errors=("BundleScorer_failed:BundleRefused",), **down
    )
    serve(400, 0.1, 0.1, turn + timedelta(seconds=110))
    look = looked()
    assert left(look) == set()
    assert {r.measure.name: r.measure.events for r in look.readings}["failing_share"] == 0


def test_a_refused_one_is_not_judged_twice(settings: Settings, serve: Callable[..., None], looked: Callable[..., Look]) -> None:
    serve(300, 0.5, 0.1)
    refusals.write_refusals(settings.home.bundles, {"click": {"1": "known"}})
    look = looked()
    assert look.already == "known" and look.reason


def test_matured_days_are_held_to_a_narrower_band(
    settings: Settings,
    eventlog: EventLog,
    serve: Callable[..., None],
    looked: Callable[..., Look],
    left: Callable[[Look], set[str]],
    turn: datetime,
) -> None:
    """Half as much again: within the band of the last minutes, out of that of days."""
    serve(2_500, 0.3, 0.2)
    assert left(looked(seconds=1_300, window=timedelta(hours=1))) == set()
    guard = Guard(settings, "click")
    day = turn.date()
    assert guard.matured(eventlog, day, 7).readings[0].measure.seen == 0, "a day's labels take a day"
    look = guard.matured(eventlog, day + timedelta(days=1), 7)
    assert left(look) == {"calibration_ratio"} and look.readings[0].measure.seen == 2_500
    assert guard.matured(eventlog, day - timedelta(days=1), 7).reason == "", "before it took over it had nothing to answer for"
