"""Traffic that answers by the truth tells an honest champion from one that promises half as much again: only the latter is rolled back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import pytest

from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.monitor.guard import Guard, Look
from pipelines.registry import journal
from pipelines.registry.journal import Change
from pipelines.simulator.audience import Audience
from pipelines.simulator.config import Laws, MarketConfig, load, save
from pipelines.simulator.shown_before import ShownBefore
from pipelines.simulator.truth import Judge
from pipelines.simulator.world import World
from serving.bundles import aliases
from serving.eventlog.log import Event
from serving.eventlog.memory import MemoryEventLog
from serving.settings import Settings

CONFIG: Final = MarketConfig(
    seed=11,
    users=600,
    creatives=120,
    impressions_per_day=5_000,
    horizon_days=10,
    images=False,
    laws=Laws(base=(-3.2, -3.5, -3.3), bot_share=0.0),
)
DAYS: Final = 2
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("market"))
    save(home, CONFIG)
    return home


@pytest.fixture
def look(market: Home, home: Home, decided: Make, ad: Make) -> Callable[[float], Look]:
    """look(times): what a guard sees once the labels have matured of a champion that promises the truth times a factor."""

    def run(times: float) -> Look:
        log, first = MemoryEventLog(), CONFIG.first
        world = World.of(load(market))
        for day in (first + timedelta(days=n) for n in range(DAYS)):
            serve(market, world, day, times, log, decided, ad)
        aliases.write_aliases(home.bundles, {"click": {"champion": "2", "previous": "1"}})
        began = (end_of(first) - timedelta(days=1)).isoformat()
        journal.append(home.bundles, [Change(began, "click", "champion", "2", "1", "promoted")])
        return Guard(Settings(home_path=home.root), "click").matured(log, first + timedelta(days=DAYS), DAYS + 1)

    return run


def serve(market: Home, world: World, day: date, times: float, log: MemoryEventLog, decided: Make, ad: Make) -> None:
    """A page of one ad, by turns, for every visit of a day, and what came of it."""
    audience = Audience(market, day, ShownBefore(world.ads))
    judge, servable = Judge(market, day, audience.before), world.live((day - CONFIG.first).days).servable
    for n, visit in enumerate(audience.visits()):
        creative = f"c{servable[n % len(servable)]}"
        promised = min(times * float(judge.p_click(visit.visit_id, [creative])[0]), 1.0)
        decision = decided(visit.visit_id, visit.ts, [ad(creative, promised, 1)])
        log.append_decision(replace(decision, policy="click@2"))
        for i, came in enumerate(audience.react(visit.visit_id, [(creative, 1)])):
            event = Event(f"{visit.visit_id}-{i}", visit.visit_id, creative, came.kind, came.ts, came.value_micros)
            log.append_events([event], came.ts)


@pytest.mark.parametrize(("times", "leaves"), [(1.0, False), (1.5, True)])
def test_a_champion_that_promises_half_as_much_again_is_rolled_back(look: Callable[[float], Look], times: float, leaves: bool) -> None:
    seen = look(times)
    ratio = next(r.measure for r in seen.readings if r.guardrail.measure == "calibration_ratio")
    assert ratio.events > 400 and ratio.value == pytest.approx(times, rel=0.15), "the clicks follow the truth, whatever was promised"
    assert bool(seen.reason) == leaves, seen.reason
    assert not leaves or "calibration ratio" in seen.reason
