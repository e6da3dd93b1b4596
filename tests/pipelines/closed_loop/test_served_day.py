"""A day of a simulated market through the real worker: by the simulated clock, the same again, and whole after an interruption."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import pytest

from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.closed_loop.arm import Arm
from pipelines.closed_loop.arm_day import read_served
from pipelines.closed_loop.learned_day import collect
from pipelines.closed_loop.served_day import Happened, serve_day
from pipelines.evaluate.regret import DayWorth
from pipelines.simulator.audience import Audience
from pipelines.simulator.truth import impression_truth
from serving.eventlog.opening import served_log
from serving.ledger.opening import open_ledger
from serving.record.decision import Decision
from serving.settings import Settings

VISITS: Final = 160
"""Of the day's first, so that a day takes seconds."""


@pytest.fixture(autouse=True)
def short_days(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Audience.visits
    monkeypatch.setattr(Audience, "visits", lambda self, surfaces: whole(self, surfaces)[:VISITS])


@dataclass(frozen=True)
class ServedHome:
    settings: Settings
    day: date
    happened: Happened
    worth: DayWorth

    @property
    def decisions(self) -> list[Decision]:
        with served_log(self.settings) as log:
            return list(log.decisions(end_of(self.day - timedelta(days=1)), end_of(self.day)))


@pytest.fixture(scope="module")
def fresh(searched: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Settings]:
    """Another folder with the same published market."""
    return lambda: Settings(
        home_path=Path(shutil.copytree(searched.home.root, tmp_path_factory.mktemp("loop") / "placard")), explore_share=0.1
    )


@pytest.fixture
def serve(searched: Any, fresh: Callable[[], Settings]) -> Callable[[], ServedHome]:
    def run() -> ServedHome:
        settings, day = fresh(), searched.day + timedelta(days=1)
        return ServedHome(settings, day, *serve_day(settings, day, []))

    return run


def test_a_day_is_served_billed_logged_and_valued(serve: Callable[[], ServedHome]) -> None:
    served = serve()
    decisions, happened, worth = served.decisions, served.happened, served.worth
    assert len(decisions) == VISITS == worth.pages and {d.decided_at.date() for d in decisions} == {served.day}
    shown = [(d, ad) for d in decisions for ad in d.shown]
    assert len(shown) == happened.shown == happened.events["impression"] > 60 and not happened.late
    assert worth.explored == sum(d.explored for d in decisions) > 0
    assert 0 < sum(worth.value) < sum(worth.best), "the oracle is the ceiling"
    ledger = open_ledger(served.settings)
    campaigns = sorted({ad.campaign_id for _, ad in shown})
    assert int(ledger.spent(campaigns, served.day).sum()) == happened.spend_micros > 0, "the ledger holds what was charged, on that day"
    ledger.close()
    once = Counter((d.request.user_id, ad.creative_id, d.decision_id) for d, ad in shown)
    assert max(once.values()) == 1
    collect(served.settings, served.day)
    files = served.settings.home.files("impressions", served.day, served.day)
    logged = {
        key for file in files for key in pq.read_table(file, columns=["impression_id"], partitioning=None)["impression_id"].to_pylist()
    }
    assert logged == {f"{d.decision_id}:{ad.creative_id}" for d, ad in shown}
    assert set(impression_truth(served.settings.home, served.day, served.day)["impression_id"].to_pylist()) == logged
    assert served.settings.home.files("activity", served.day, served.day), "what the market does beside ads is logged, too"


def test_equal_homes_give_equal_days(serve: Callable[[], ServedHome]) -> None:
    one, two = serve(), serve()
    assert one.happened == two.happened and one.worth == two.worth
    plain = [
        [(d.decision_id, [(ad.creative_id, ad.position, ad.pctr, ad.price) for ad in d.shown]) for d in s.decisions] for s in (one, two)
    ]
    assert plain[0] == plain[1]


def test_an_interrupted_day_is_served_whole_when_it_is_run_again(serve: Callable[[], ServedHome], fresh: Callable[[], Settings]) -> None:
    whole, settings = serve(), fresh()
    arm = Arm("explored", settings, "xgboost")

    class Stopped(Exception):
        pass

    def stop(word: str) -> None:
        raise Stopped(word)

    kept = Audience.react
    calls = iter(range(10**6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Audience, "react", lambda self, *page: kept(self, *page) if next(calls) < VISITS // 2 else stop("killed"))
        with pytest.raises(Stopped):
            arm.serve(whole.day, lambda word: None)
    with served_log(settings) as log:
        assert 0 < sum(1 for _ in log.decisions(end_of(whole.day - timedelta(days=1)), end_of(whole.day))) < VISITS
    assert read_served(Home(settings.home.root), whole.day) is None
    part = arm.serve(whole.day, lambda word: None)
    assert part.figures["spend_micros"] == whole.happened.spend_micros and part.figures["events"] == whole.happened.events
    assert part.figures["value_micros"] == pytest.approx(sum(whole.worth.value)) and part.waiting == whole.happened.waiting
    again = read_served(settings.home, whole.day)
    assert again is not None and again.waiting == part.waiting
