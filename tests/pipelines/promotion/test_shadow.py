"""Champion against shadow, and calibration, on served days whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from feature_repo.home import Home
from pipelines.errors import Refused
from pipelines.ingest.serving_log import ingest_served
from pipelines.monitor.calibration import calibration
from pipelines.promotion.promote_shadow import apply
from pipelines.promotion.shadow_record import HOLD, PROMOTE, judge
from pipelines.served.outcomes import outcomes
from pipelines.warehouse.label_times import LabelTimes
from serving.bundles import aliases
from serving.eventlog.log import EventLog
from serving.settings import Settings

DAY, NEXT = date(2026, 3, 9), date(2026, 3, 10)
TIMES = LabelTimes(timedelta(hours=12), timedelta(hours=12))
Make = Callable[..., object]


@pytest.fixture
def serve(
    home: Home, eventlog: EventLog, decided: Make, ad: Make, happened: Make, noon: datetime
) -> Callable[[float, float, int], EventLog]:
    """serve(champion noise, shadow noise, n): n decisions of two ads; predictions are the truth times exp(noise)."""

    def run(champion: float, shadow: float, n: int) -> EventLog:
        rng = np.random.default_rng(1)
        for i in range(n):
            at = noon - timedelta(hours=11) + timedelta(seconds=30 * i % 36_000)
            truth = rng.uniform(0.02, 0.4, 2)
            said = np.clip(truth * np.exp(rng.normal(0, champion, 2)), 0, 0.95)
            ads = [ad(f"a{j}", float(said[j]), j + 1) for j in range(2)]
            eventlog.append_decision(decided(f"d{i}", at, ads, explored=i % 10 == 0))
            if shadow >= 0:
                scores = np.clip(truth * np.exp(rng.normal(0, shadow, 2)), 0, 0.95)
                eventlog.append_shadow(f"d{i}", "click@2", scores.tolist())
            for j in range(2):
                events = [happened(f"d{i}", f"a{j}", "impression", at)]
                if rng.random() < truth[j]:
                    events.append(happened(f"d{i}", f"a{j}", "click", at + timedelta(seconds=40)))
                eventlog.append_events(events, at + timedelta(minutes=1))
        for day in (DAY, NEXT):
            ingest_served(home, eventlog, day)
        return eventlog

    return run


def test_a_better_shadow_is_promoted(home: Home, serve: Callable[..., EventLog]) -> None:
    found = judge(home, serve(0.8, 0.0, 1_500), NEXT, TIMES, seed=7)
    assert (found.champion, found.shadow, found.verdict) == ("click@1", "click@2", PROMOTE), found.reasons
    figures = {f.name: f for f in found.report.figures}
    assert figures["impressions"].value == 1_500, "first positions only"
    assert figures["explored_log_loss_difference"].value is not None


def test_a_worse_shadow_is_held_with_the_reason(home: Home, serve: Callable[..., EventLog]) -> None:
    found = judge(home, serve(0.0, 0.8, 1_500), NEXT, TIMES, seed=7)
    assert found.verdict == HOLD
    assert any("log_loss_difference_upper_bound" in r for r in found.reasons)


def test_few_clicks_hold_even_the_better_shadow(home: Home, serve: Callable[..., EventLog]) -> None:
    found = judge(home, serve(1.5, 0.0, 150), NEXT, TIMES, seed=7)
    assert found.verdict == HOLD
    assert any(r.startswith("clicks is") for r in found.reasons)


def test_the_shadow_and_champion_in_force_are_compared(home: Home, serve: Callable[..., EventLog]) -> None:
    log = serve(0.8, 0.0, 1_500)
    aliases.write_aliases(home.bundles, {"click": {"champion": "1", "shadow": "3"}})
    found = judge(home, log, NEXT, TIMES, seed=7)
    assert (found.verdict, found.shadow) == (HOLD, "click@3"), "what another shadow scored does not promote this one"
    aliases.write_aliases(home.bundles, {"click": {"champion": "9", "shadow": "2"}})
    found = judge(home, log, NEXT, TIMES, seed=7)
    assert (found.verdict, found.champion, found.report.figures[0].value) == (HOLD, "click@9", 0)


def test_the_same_log_gives_the_same_verdict(home: Home, serve: Callable[..., EventLog]) -> None:
    log = serve(0.5, 0.2, 300)
    assert judge(home, log, NEXT, TIMES, seed=7).plain == judge(home, log, NEXT, TIMES, seed=7).plain


def test_without_shadow_scores_it_says_what_to_do(home: Home, serve: Callable[..., EventLog]) -> None:
    found = judge(home, serve(0.5, -1, 20), NEXT, TIMES, seed=7)
    assert found.verdict == HOLD and "none of 40 matured impressions" in found.reasons[0]


def test_a_label_counts_once_its_window_has_passed(home: Home, eventlog: EventLog, decided: Make, happened: Make, noon: datetime) -> None:
    eventlog.append_decision(decided("d1", noon))  # type: ignore[arg-type]
    shown = [happened("d1", "a1", "impression", noon), happened("d1", "a2", "impression", noon)]
    late = [
        happened("d1", "a1", "click", noon + timedelta(hours=11)),
        happened("d1", "a2", "click", noon + timedelta(hours=13)),
    ]
    eventlog.append_events(shown, noon)  # type: ignore[arg-type]
    eventlog.append_events(late, noon + timedelta(hours=14))  # type: ignore[arg-type]
    for day in (DAY, NEXT):
        ingest_served(home, eventlog, day)
    early = outcomes(home, eventlog, DAY, DAY, LabelTimes(timedelta(hours=12), timedelta(hours=13)))
    assert (len(early), early.immature) == (0, 2)
    ripe = outcomes(home, eventlog, DAY, NEXT, TIMES)
    assert ripe.came.tolist() == [True, False], "the second came after its window"
    blind = outcomes(home, eventlog, DAY, DAY, TIMES)
    assert blind.came.tolist() == [False, False], "the clicks were not known that day"


def test_an_ad_that_nobody_reported_seeing_does_not_count(home: Home, eventlog: EventLog, decided: Make) -> None:
    eventlog.append_decision(decided("d1"))  # type: ignore[arg-type]
    ingest_served(home, eventlog, DAY)
    assert len(outcomes(home, eventlog, DAY, NEXT, TIMES)) == 0


def test_calibrated_predictions_hold_everywhere(home: Home, serve: Callable[..., EventLog]) -> None:
    report = calibration(home, serve(0.0, -1, 1_200), NEXT, TIMES)
    ratios = {f.name: f for f in report.figures if f.name.endswith(" ratio")}
    assert set(ratios) >= {"all ratio", "policy=click@1 ratio", "surface=proactive ratio", "device=mobile ratio"}
    assert report.failing() == []
    assert ratios["position=2 ratio"].holds is None


def test_a_model_that_promises_double_is_named(
    home: Home, eventlog: EventLog, decided: Make, ad: Make, happened: Make, noon: datetime
) -> None:
    rng = np.random.default_rng(2)
    for i in range(1_500):
        eventlog.append_decision(decided(f"d{i}", noon, [ad("a1", 0.2)]))  # type: ignore[arg-type]
        events = [happened(f"d{i}", "a1", kind, noon) for kind in ("impression", "click")][: 1 + int(rng.random() < 0.1)]
        eventlog.append_events(events, noon)  # type: ignore[arg-type]
    ingest_served(home, eventlog, DAY)
    report = calibration(home, eventlog, NEXT, TIMES)
    overall = report.figures[0]
    assert overall.holds is False and overall.value == pytest.approx(2.0, abs=0.35)


def test_conversions_are_held_to_their_promises_too(
    home: Home, eventlog: EventLog, decided: Make, ad: Make, happened: Make, noon: datetime
) -> None:
    """Of clicked ads alone; what the fast tier guessed, and what nobody promised, counts for nobody."""
    rng = np.random.default_rng(4)
    for i in range(1_500):
        promised = replace(ad("a1", 0.2), pcvr=0.4)  # type: ignore[arg-type]
        guessed = replace(ad("a2", 0.2, 2), pcvr=0.9, scored_by="click@9")  # type: ignore[arg-type]
        made = replace(decided(f"d{i}", noon, [promised, guessed]), conversion="conversion@3")  # type: ignore[arg-type]
        eventlog.append_decision(made)
        kinds = ("impression", "click", "conversion")[: 1 + int(rng.random() < 0.5) * (1 + int(rng.random() < 0.2))]
        eventlog.append_events([happened(f"d{i}", a, kind, noon) for a in ("a1", "a2") for kind in kinds], noon)  # type: ignore[misc]
    ingest_served(home, eventlog, DAY)
    figures = {f.name: f for f in calibration(home, eventlog, NEXT, TIMES).figures}
    assert 650 < figures["conversion all clicks"].value < 850, "one ad a click"
    assert figures["conversion all ratio"].value == pytest.approx(2.0, abs=0.35) and figures["conversion all ratio"].holds is False
    assert figures["conversion policy=conversion@3 conversions"].value == figures["conversion all conversions"].value > 100
    assert {"conversion surface=proactive ratio", f"conversion day={DAY} ratio"} <= set(figures)


def test_calibration_of_a_quiet_day_has_no_ratio(home: Home, eventlog: EventLog) -> None:
    assert [f.name for f in calibration(home, eventlog, DAY, TIMES).figures] == ["all impressions"]


def test_a_verdict_to_promote_is_applied_once(home: Home, serve: Callable[..., EventLog], monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry's part is played by the alias file alone."""

    def promote(settings: Settings, head: str, version: str, day: date, why: str) -> None:
        roles = aliases.read_aliases(home.bundles)
        aliases.write_aliases(home.bundles, roles | {head: roles[head] | {"champion": version, "previous": roles[head]["champion"]}})

    def clear_alias(settings: Settings, head: str, alias: str, why: str) -> None:
        roles = aliases.read_aliases(home.bundles)
        aliases.write_aliases(home.bundles, roles | {head: {k: v for k, v in roles[head].items() if k != alias}})

    monkeypatch.setattr("pipelines.promotion.promote_shadow.promote", promote)
    monkeypatch.setattr("pipelines.promotion.promote_shadow.clear_alias", clear_alias)
    settings = Settings(home_path=home.root)
    aliases.write_aliases(home.bundles, {"click": {"champion": "1", "shadow": "2"}})
    found = judge(home, serve(0.8, 0.0, 1_500), NEXT, TIMES, seed=7)
    assert found.verdict == PROMOTE
    assert apply(settings, found) is True
    assert aliases.read_aliases(home.bundles) == {"click": {"champion": "2", "previous": "1"}}
    assert apply(settings, found) is False
    with pytest.raises(Refused):
        apply(settings, replace(found, verdict=HOLD))
