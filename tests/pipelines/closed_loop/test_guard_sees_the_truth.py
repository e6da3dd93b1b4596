"""Traffic that answers by the truth tells an honest champion from one that promises half as much again: only the latter is rolled back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pytest

from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.monitor.guard import Guard, Look
from pipelines.registry import journal
from pipelines.registry.journal import Change
from pipelines.simulator.audience import Audience, Reaction, Visit
from pipelines.simulator.config import Laws, MarketConfig, save
from pipelines.simulator.shown_before import ShownBefore
from pipelines.simulator.truth import Judge
from pipelines.simulator.world import World
from serving.bundles import aliases
from serving.eventlog.log import Event
from serving.eventlog.memory import MemoryEventLog
from serving.settings import Settings

CONFIG: Final = MarketConfig(
    seed=16,
    users=600,
    creatives=120,
    impressions_per_day=5_000,
    horizon_days=10,
    images=False,
    laws=Laws(base=(-3.2, -3.5, -3.3), bot_share=0.0),
)
DAYS: Final = 2
Make = Callable[..., Any]


@dataclass(frozen=True)
class Page:
    """A visit that one ad was shown to, its true probability of a click, and what came of it."""

    visit: Visit
    creative: str
    p_click: float
    came: list[Reaction]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Page]:
    """Ads by turns for every visit of some days."""
    home, world, out = Home(tmp_path_factory.mktemp("market")), World.of(CONFIG), []
    save(home, CONFIG)
    for number in range(DAYS):
        day = CONFIG.first + timedelta(days=number)
        audience = Audience(home, day, ShownBefore(world))
        judge, servable = Judge(home, day, audience.before), world.live(number).servable
        for n, visit in enumerate(audience.visits()):
            creative = f"c{servable[n % len(servable)]}"
            p = float(judge.p_click(visit.visit_id, [creative])[0])
            out.append(Page(visit, creative, p, audience.react(visit.visit_id, [(creative, 1)])))
    return out


@pytest.fixture
def look(pages: list[Page], home: Home, decided: Make, ad: Make) -> Callable[[float], Look]:
    """look(times): what a guard sees, once the labels have matured, of a champion that promises the truth times a factor."""

    def run(times: float) -> Look:
        log = MemoryEventLog()
        for page in pages:
            key = page.visit.visit_id
            shown = ad(page.creative, min(times * page.p_click, 1.0), 1)
            log.append_decision(replace(decided(key, page.visit.ts, [shown]), policy="click@2"))
            for n, came in enumerate(page.came):
                log.append_events([Event(f"{key}-{n}", key, came.creative_id, came.kind, came.ts, came.value_micros)], came.ts)
        aliases.write_aliases(home.bundles, {"click": {"champion": "2", "previous": "1"}})
        began = (end_of(CONFIG.first) - timedelta(days=1)).isoformat()
        journal.append(home.bundles, [Change(began, "click", "champion", "2", "1", "promoted")])
        return Guard(Settings(home_path=home.root), "click").matured(log, CONFIG.first + timedelta(days=DAYS), DAYS + 1)

    return run


@pytest.mark.parametrize(("times", "leaves"), [(1.0, False), (1.5, True)])
def test_a_champion_that_promises_half_as_much_again_is_rolled_back(look: Callable[[float], Look], times: float, leaves: bool) -> None:
    seen = look(times)
    ratio = next(r.measure for r in seen.readings if r.guardrail.measure == "calibration_ratio")
    assert ratio.events > 400 and ratio.value == pytest.approx(times, rel=0.15), "the clicks follow the truth, whatever was promised"
    assert bool(seen.reason) == leaves, seen.reason
    assert not leaves or "calibration ratio" in seen.reason
