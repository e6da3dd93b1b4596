"""A conversion champion answers for its own promises and failures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipelines.monitor.guard import Guard, Look
from serving.eventlog.log import EventLog
from serving.settings import Settings

Make = Callable[..., Any]


def test_conversions_are_judged_of_clicked_ads(
    settings: Settings, eventlog: EventLog, convert: Callable[..., None], converted: Callable[..., Look], turn: datetime
) -> None:
    convert(600, 0.3, 10)
    look = converted()
    (reading,) = look.readings
    assert (reading.measure.seen, reading.measure.events, look.version) == (300, 30, "5")
    assert reading.measure.value == pytest.approx(3.0) and not reading.holds
    assert "must be ≥ 0.6, ≤ 1.67" in look.reason
    assert Guard(settings, "conversion").now(eventlog, turn + timedelta(minutes=10)).reason == "", "which takes days to tell"


def test_a_conversion_champion_that_keeps_its_word_stays_whoever_ranked_the_ads(
    convert: Callable[..., None], converted: Callable[..., Look]
) -> None:
    convert(600, 0.1, 10, policy="click@0", rung="fallback")
    look = converted()
    assert look.reason == "" and look.readings[0].measure.value == pytest.approx(1.0)


def test_clicks_wait_a_day_for_their_conversions(convert: Callable[..., None], converted: Callable[..., Look]) -> None:
    convert(600, 0.3, 10)
    assert converted(0).readings[0].measure.seen == 0 and converted(0).reason == ""
    assert 0 < converted(1).readings[0].measure.seen < 360, "those clicked in the day's last hours are too young"


@pytest.mark.parametrize(
    "by",
    [{"conversion": "conversion@4"}, {"conversion": "", "policy": "historical_rate", "rung": "popular"}, {"scored_by": "click@3"}],
    ids=["another version", "past rates", "the fast tier"],
)
def test_what_others_promised_is_not_its_fault(
    convert: Callable[..., None], by: dict[str, str], converted: Callable[..., Look], turn: datetime
) -> None:
    convert(600, 0.9, 10, **by)
    convert(600, 0.1, 10, turn + timedelta(seconds=30))
    look = converted()
    assert look.reason == "" and look.readings[0].measure.seen == 300


def test_a_conversion_bundle_that_fails_goes_and_the_click_champion_stays(
    settings: Settings,
    eventlog: EventLog,
    serve: Callable[..., None],
    looked: Callable[..., Look],
    left: Callable[[Look], set[str]],
    turn: datetime,
) -> None:
    serve(80, 0.1, 0.1)
    down = {
        "policy": "historical_rate",
        "rung": "popular",
        "errors": ("Speculative_failed:ConversionFailed", "BundleScorer_failed:ConversionFailed"),
    }
    serve(40, 0.1, 0.1, turn + timedelta(minutes=4), **down)
    moment = turn + timedelta(minutes=10)
    assert left(looked()) == set()
    assert left(Guard(settings, "conversion").now(eventlog, moment)) == {"failing_share"}
    serve(40, 0.1, 0.1, turn + timedelta(minutes=5), errors=("BundleScorer_failed:ServingError",), refused={"conversion@4": "drifted"})
    assert left(looked()) == {"failing_share"}, "a refused conversion bundle excuses no click champion"
    assert {r.measure.events for r in Guard(settings, "conversion").now(eventlog, moment).readings} == {40}
