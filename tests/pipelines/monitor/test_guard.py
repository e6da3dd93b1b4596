"""A champion is held to its bands on what was served: luck takes none away, a poisoned one goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from sqlite3 import OperationalError
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import pipelines.served
from feature_repo.sources import Home
from pipelines import journal
from pipelines.cli import guard as verb
from pipelines.errors import Missing, PipelineError
from pipelines.guardrails import MATURED, NOW, Guardrail, Measure, Reading
from pipelines.journal import Change
from pipelines.monitor.guard import Guard, Look, measures
from pipelines.monitor.ratio import calibration_ratio, rate_ratio_interval, share_interval
from pipelines.monitor.traffic_counts import Counts
from serving.bundles import aliases, refusals
from serving.eventlog.log import EventLog
from serving.eventlog.memory import MemoryEventLog
from serving.settings import Settings

Make = Callable[..., Any]
TURN = datetime(2026, 3, 9, 12, tzinfo=UTC)
"""When version 1 took over from version 0."""


@pytest.fixture
def eventlog() -> EventLog:
    """In memory: the others pass the same contract, and write thousands of records slowly because they write them safely."""
    return MemoryEventLog()


@pytest.fixture
def settings(home: Home) -> Settings:
    aliases.write(home.bundles, {"click": {"champion": "1"}, "conversion": {"champion": "5"}})
    for head, version in (("click", "1"), ("conversion", "5")):
        journal.append(home.bundles, [Change(TURN.isoformat(), head, "champion", version, "0", "promoted")])
    return Settings(home_path=home.root)


@pytest.fixture
def serve(eventlog: EventLog, decided: Make, ad: Make, happened: Make) -> Callable[..., None]:
    """serve(n, promised, true, ...): n decisions, one every 0.5 s from `start`, each with an ad at the first position, all seen."""

    def run(n: int, promised: float, true: float, start: datetime = TURN, seed: int = 1, **changes: Any) -> None:
        rng = np.random.default_rng(seed)
        for i in range(n):
            at = start + timedelta(seconds=0.5 * i)
            key = f"{start:%d%H%M}-{seed}-{i}"
            eventlog.append_decision(replace(decided(key, at, [ad("a", promised, 1), ad("b", promised, 2)]), **changes))
            kinds = ["impression"] + ["click"] * (rng.random() < true)
            eventlog.append_events([happened(key, "a", kind, at) for kind in kinds], at + timedelta(seconds=1))

    return run


def left(look: Look) -> set[str]:
    return {r.guardrail.measure for r in look.readings if not r.holds}


def looked(settings: Settings, log: EventLog, seconds: float = 600, **changes: Any) -> Look:
    return Guard(settings, "click", **changes).now(log, TURN + timedelta(seconds=seconds))


def test_a_calibrated_champion_stays(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(600, 0.1, 0.1, TURN - timedelta(minutes=30), policy="click@0")
    serve(900, 0.1, 0.1)
    look = looked(settings, eventlog)
    assert left(look) == set() and look.reason == "" and look.version == "1"
    known = {r.measure.name: r.measure for r in look.readings}
    assert known["calibration_ratio"].seen == 900, "first positions that were seen, of its own decisions"
    assert known["click_rate_ratio"].value == pytest.approx(1, abs=0.4) and known["failing_share"].value == 0


def test_one_that_promises_five_times_too_much_goes_with_the_numbers(
    settings: Settings, eventlog: EventLog, serve: Callable[..., None]
) -> None:
    serve(300, 0.5, 0.1)
    look = looked(settings, eventlog)
    assert left(look) == {"calibration_ratio"}
    assert "calibration ratio" in look.reason and "of 300, must be ≥ 0.5, ≤ 2" in look.reason


def test_one_that_promises_too_little_goes(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(900, 0.05, 0.25)
    assert left(looked(settings, eventlog)) == {"calibration_ratio"}


def test_a_few_ads_prove_nothing(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(12, 0.5, 0.1)
    assert left(looked(settings, eventlog)) == set()
    nothing = looked(settings, eventlog, seconds=-1)
    assert left(nothing) == set() and "not known yet" in nothing.readings[0].words, "nor does nothing at all"


def test_young_impressions_wait_for_their_clicks(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(400, 0.2, 0.0)
    at = 200.0
    assert left(looked(settings, eventlog, at, settle=timedelta(seconds=195))) == set()
    assert left(looked(settings, eventlog, at, settle=timedelta(seconds=1))) >= {"calibration_ratio"}


def test_one_that_is_clicked_half_as_often_as_before_goes(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(1_500, 0.3, 0.3, TURN - timedelta(minutes=50), policy="click@0")
    serve(900, 0.08, 0.08)
    assert left(looked(settings, eventlog)) == {"click_rate_ratio"}


def test_explored_slates_do_not_lower_the_click_rate(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(1_500, 0.3, 0.3, TURN - timedelta(minutes=50), policy="click@0")
    serve(500, 0.02, 0.02, explored=True)
    assert left(looked(settings, eventlog)) == set()


def test_one_that_takes_too_long_goes(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(400, 0.1, 0.1, stage_ms={"precision": 20.0})
    serve(25, 0.1, 0.1, TURN + timedelta(minutes=4), stage_ms={"precision": 70.0})
    look = looked(settings, eventlog)
    assert left(look) == {"slow_share"} and look.p99_ms == pytest.approx(70.0)


def test_one_that_fails_goes_though_it_never_ranked(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(80, 0.1, 0.1)
    serve(40, 0.1, 0.1, TURN + timedelta(minutes=4), policy="click@0", rung="fallback", flags=("BundleScorer_failed:ServingError",))
    assert left(looked(settings, eventlog)) == {"failing_share"}


def test_other_flags_and_what_served_before_it_are_not_its_fault(
    settings: Settings, eventlog: EventLog, serve: Callable[..., None]
) -> None:
    serve(300, 0.1, 0.1, flags=("user_unknown", "late"))
    serve(300, 0.5, 0.1, TURN - timedelta(minutes=5), policy="click@0", flags=("BundleScorer_failed:ServingError",))
    assert left(looked(settings, eventlog)) == set()


def test_a_champion_that_came_back_does_not_answer_for_the_one_it_replaced(
    settings: Settings, eventlog: EventLog, serve: Callable[..., None]
) -> None:
    """Workers take some seconds to swap; until then the bad one fails on, and then stands refused in the champion's place."""
    down = {"policy": "historical_rate", "rung": "popular"}
    serve(20, 0.1, 0.1, TURN, seed=2, flags=("BundleScorer_failed:ServingError",), **down)
    serve(
        200, 0.1, 0.1, TURN + timedelta(seconds=10), refused={"click@2": "poisoned"}, flags=("BundleScorer_failed:BundleRefused",), **down
    )
    serve(400, 0.1, 0.1, TURN + timedelta(seconds=110))
    look = looked(settings, eventlog)
    assert left(look) == set()
    assert {r.measure.name: r.measure.events for r in look.readings}["failing_share"] == 0


def test_a_refused_one_is_not_judged_twice(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    serve(300, 0.5, 0.1)
    refusals.write(settings.home.bundles, {"click": {"1": "known"}})
    look = looked(settings, eventlog)
    assert look.already == "known" and look.reason


def test_matured_days_are_held_to_a_narrower_band(settings: Settings, eventlog: EventLog, serve: Callable[..., None]) -> None:
    """Half as much again: within the band of the last minutes, out of that of days."""
    serve(2_500, 0.3, 0.2)
    assert left(looked(settings, eventlog, seconds=1_300, window=timedelta(hours=1))) == set()
    guard = Guard(settings, "click")
    day = TURN.date()
    assert guard.matured(eventlog, day, 7).readings[0].measure.seen == 0, "a day's labels take a day"
    look = guard.matured(eventlog, day + timedelta(days=1), 7)
    assert left(look) == {"calibration_ratio"} and look.readings[0].measure.seen == 2_500
    assert guard.matured(eventlog, day - timedelta(days=1), 7).reason == "", "before it took over it had nothing to answer for"


@pytest.fixture
def convert(eventlog: EventLog, decided: Make, ad: Make, happened: Make) -> Callable[..., None]:
    """convert(n, promised, every, ...): n decisions, one a minute, with an ad that is clicked in every second of them; every so many
    clicks a conversion."""

    def run(n: int, promised: float, every: int, start: datetime = TURN, scored_by: str = "", **changes: Any) -> None:
        for i in range(n):
            at, key = start + timedelta(minutes=i), f"{start:%d%H%M}-{promised}-{i}"
            shown = replace(ad("a", 0.5, 2), pcvr=promised, scored_by=scored_by)
            eventlog.append_decision(replace(decided(key, at, [shown]), **{"conversion": "conversion@5", **changes}))
            kinds = ["impression", *(["click"] if i % 2 else []), *(["conversion"] if i % (2 * every) == 1 else [])]
            eventlog.append_events([happened(key, "a", kind, at) for kind in kinds], at)

    return run


def converted(settings: Settings, log: EventLog, days: int = 2) -> Look:
    return Guard(settings, "conversion").matured(log, TURN.date() + timedelta(days=days), 7)


def test_conversions_are_judged_of_clicked_ads(settings: Settings, eventlog: EventLog, convert: Callable[..., None]) -> None:
    convert(600, 0.3, 10)
    look = converted(settings, eventlog)
    (reading,) = look.readings
    assert (reading.measure.seen, reading.measure.events, look.version) == (300, 30, "5")
    assert reading.measure.value == pytest.approx(3.0) and not reading.holds
    assert "must be ≥ 0.6, ≤ 1.67" in look.reason
    assert Guard(settings, "conversion").now(eventlog, TURN + timedelta(minutes=10)).reason == "", "which takes days to tell"


def test_a_conversion_champion_that_keeps_its_word_stays_whoever_ranked_the_ads(
    settings: Settings, eventlog: EventLog, convert: Callable[..., None]
) -> None:
    convert(600, 0.1, 10, policy="click@0", rung="fallback")
    look = converted(settings, eventlog)
    assert look.reason == "" and look.readings[0].measure.value == pytest.approx(1.0)


def test_clicks_wait_a_day_for_their_conversions(settings: Settings, eventlog: EventLog, convert: Callable[..., None]) -> None:
    convert(600, 0.3, 10)
    assert converted(settings, eventlog, 0).readings[0].measure.seen == 0 and converted(settings, eventlog, 0).reason == ""
    assert 0 < converted(settings, eventlog, 1).readings[0].measure.seen < 360, "those clicked in the day's last hours are too young"


@pytest.mark.parametrize(
    "by",
    [{"conversion": "conversion@4"}, {"conversion": "", "policy": "historical_rate", "rung": "popular"}, {"scored_by": "click@3"}],
    ids=["another version", "past rates", "the fast tier"],
)
def test_what_others_promised_is_not_its_fault(
    settings: Settings, eventlog: EventLog, convert: Callable[..., None], by: dict[str, str]
) -> None:
    convert(600, 0.9, 10, **by)
    convert(600, 0.1, 10, TURN + timedelta(seconds=30))
    look = converted(settings, eventlog)
    assert look.reason == "" and look.readings[0].measure.seen == 300


def test_a_conversion_bundle_that_fails_goes_and_the_click_champion_stays(
    settings: Settings, eventlog: EventLog, serve: Callable[..., None]
) -> None:
    serve(80, 0.1, 0.1)
    down = {
        "policy": "historical_rate",
        "rung": "popular",
        "flags": ("Speculative_failed:ConversionFailed", "BundleScorer_failed:ConversionFailed"),
    }
    serve(40, 0.1, 0.1, TURN + timedelta(minutes=4), **down)
    moment = TURN + timedelta(minutes=10)
    assert left(looked(settings, eventlog)) == set()
    assert left(Guard(settings, "conversion").now(eventlog, moment)) == {"failing_share"}
    serve(40, 0.1, 0.1, TURN + timedelta(minutes=5), flags=("BundleScorer_failed:ServingError",), refused={"conversion@4": "drifted"})
    assert left(looked(settings, eventlog)) == {"failing_share"}, "a refused conversion bundle excuses no click champion"
    assert {r.measure.events for r in Guard(settings, "conversion").now(eventlog, moment).readings} == {40}


def test_a_head_that_nobody_watches_is_named(settings: Settings, eventlog: EventLog) -> None:
    for look in (lambda g: g.now(eventlog, TURN), lambda g: g.matured(eventlog, TURN.date(), 7)):
        with pytest.raises(PipelineError, match="click, conversion"):
            look(Guard(settings, "likes"))


def test_nobody_serves_nobody_is_judged(home: Home, eventlog: EventLog) -> None:
    with pytest.raises(Missing, match="placard promote click"):
        Guard(Settings(home_path=home.root), "click").now(eventlog, TURN)


def test_every_guardrail_names_a_measure() -> None:
    known = set(measures(Counts(), Counts()))
    assert {g.measure for rails in (*NOW.values(), *MATURED.values()) for g in rails} <= known
    assert all(g.at_least is not None or g.at_most is not None for rails in (*NOW.values(), *MATURED.values()) for g in rails)


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [(0.9, 1.1, True), (1.9, 5.0, True), (2.1, None, False), (None, 0.4, False), (0.1, 0.6, True), (None, None, True)],
)
def test_a_band_is_left_when_the_whole_interval_lies_outside(low: float | None, high: float | None, holds: bool) -> None:
    assert Reading(Guardrail("x", 0.5, 2.0), Measure("x", None, low, high, 10, 1)).holds == holds


def test_intervals_cover_as_often_as_they_say() -> None:
    rng, level = np.random.default_rng(8), 0.95
    share, ratio, rates = [], [], []
    for _ in range(400):
        events = int(rng.binomial(200, 0.04))
        low, high = share_interval(events, 200, level)
        share.append(low <= 0.04 <= high)
        one, two = int(rng.poisson(30)), int(rng.poisson(60))
        found = rate_ratio_interval(one, 1_000, two, 4_000, level)
        rates.append(found[0] <= 2.0 <= (found[1] or np.inf))
        r = calibration_ratio(30.0, one, 1_000, level)
        ratio.append(r.low <= 1 <= (r.high or np.inf))
    assert min(np.mean(share), np.mean(ratio), np.mean(rates)) >= 0.94


@pytest.mark.parametrize("head", ["click", "conversion"])
def test_the_verb_acts_once_and_says_so_by_its_status(
    head: str, settings: Settings, home: Home, eventlog: EventLog, serve: Callable[..., None], convert: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The registry's part is played by the refusals file alone."""

    def refuse(settings: Settings, head: str, version: str, reason: str) -> str:
        refusals.write(home.bundles, {head: {version: reason}})
        return "0"

    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    monkeypatch.setattr("pipelines.refusal.refuse", refuse)
    monkeypatch.setattr(pipelines.served, "_open", lambda settings: eventlog)
    monkeypatch.setattr(type(eventlog), "close", lambda self: None)
    app = typer.Typer()
    verb.register(app)
    say = ("--head", head, "--partition", str(TURN.date() + timedelta(days=2)))
    well = CliRunner().invoke(app, [*say, "--json"])
    assert well.exit_code == 0 and json.loads(well.stdout)["rolled_back"] is False
    serve(600, 0.5, 0.1) if head == "click" else convert(600, 0.5, 10)
    done = CliRunner().invoke(app, [*say, "--json"])
    plain = json.loads(done.stdout)
    assert done.exit_code == 3 and plain["rolled_back"] is True and plain["champion"] == "0" and plain["name"] == "guard"
    assert {f["name"]: f["holds"] for f in plain["figures"]}["calibration_ratio"] is False
    again = CliRunner().invoke(app, say)
    assert again.exit_code == 0 and "already" in again.stdout
    assert CliRunner().invoke(app, [*say, "--watch", "1"]).exit_code == 2
    aliases.write(home.bundles, {})
    nobody = CliRunner().invoke(app, say)
    assert nobody.exit_code == 0 and f"placard promote {head}" in nobody.stdout, "a DAG on a new platform does not fail"


def test_a_watch_goes_on_after_a_look_that_could_not_be_taken(
    settings: Settings, home: Home, eventlog: EventLog, serve: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    looks: list[object] = [OperationalError("database is locked"), OperationalError("database is locked"), eventlog]
    refused: list[str] = []

    def open_log(settings: Settings) -> object:
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    class Over(BaseException):
        """Ctrl-C."""

    def wait(seconds: float) -> None:
        if not looks:
            raise Over

    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    monkeypatch.setattr(pipelines.served, "_open", open_log)
    monkeypatch.setattr(type(eventlog), "close", lambda self: None)
    monkeypatch.setattr("time.sleep", wait)
    monkeypatch.setattr("pipelines.refusal.refuse", lambda settings, head, version, reason: refused.append(version) or "0")
    serve(300, 0.5, 0.1, datetime.now(UTC) - timedelta(minutes=5))
    with pytest.raises(Over):
        verb.guard("click", 1.0, "", 7, 10.0, 1.0, False)
    said = capsys.readouterr().err
    assert refused == ["1"], "the third look was taken, and acted"
    assert said.count("database is locked") == 1, "what goes wrong again and again is told once"
