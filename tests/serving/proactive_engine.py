"""A small published catalogue, a trained bundle and profiles in memory: an engine to send requests through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_repo.home import Home
from serving.bundles import Bundle
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.surface import Surface
from serving.ledger.memory import MemoryLedger
from serving.record.decision import Decision
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.snapshot import Snapshot, open_current
from serving.surfaces.proactive import proactive
from tests.made import Known

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ADS = 400


def a_request(**changes: object) -> AdRequest:
    usual = AdRequest("r1", "proactive", "u1", NOON, device="mobile", region="regions0", language="languages2", slots=3, tmax_ms=60_000)
    return replace(usual, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Bench:
    """live: the snapshot with a champion. decide: one request through the usual surface, or one that is given."""

    live: Live
    snapshot: Snapshot
    ledger: MemoryLedger
    surface: Surface
    settings: Settings
    decide: Callable[..., Decision]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Bundle]:
    from pipelines.bench.serving.synthetic import catalogue, ranker

    home = Home(tmp_path_factory.mktemp("published"))
    catalogue(home.snapshots, ADS)
    return home, ranker(home.bundles / "click" / "1", trees=10, rows=2_000)


@pytest.fixture
def bench(published: tuple[Home, Bundle], tmp_path: Path) -> Bench:
    home, bundle = published
    snapshot = open_current(home.snapshots)
    live = Live(snapshot, {("click", "champion"): bundle})
    settings = Settings(home_path=tmp_path, candidates=100, explore_share=0, reserve_micros=1_000)
    ledger = MemoryLedger()
    surface = proactive(Known(), ledger, settings)

    def decide(
        request: AdRequest | None = None, live: Live = live, surface: Surface = surface, settings: Settings = settings
    ) -> Decision:  # fmt: skip
        return Engine({"proactive": surface}, settings).decide(request or a_request(), live)

    return Bench(live, snapshot, ledger, surface, settings, decide)


@pytest.fixture
def ask() -> Callable[..., AdRequest]:
    return a_request
