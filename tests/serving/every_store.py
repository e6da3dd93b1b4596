"""Every store behind one contract: in memory, in SQLite, and in a real Redis that is emptied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from serving.eventlog.log import BillableLog, Event
from serving.eventlog.memory import MemoryEventLog
from serving.eventlog.redis import RedisEventLog
from serving.eventlog.sqlite import SqliteEventLog
from serving.ledger.ledger import Ledger, Promise, Sale
from serving.ledger.memory import MemoryLedger
from serving.ledger.redis import RedisLedger
from serving.ledger.sqlite import SqliteLedger
from serving.record.decision import Decision, Funnel, Price, RankedAd
from serving.record.request import AdRequest

NOON = datetime(2026, 3, 9, 12, 0, 0, 123_456, tzinfo=UTC)
KINDS = ["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)]


def redis_url(request: pytest.FixtureRequest) -> str:
    url = f"redis://127.0.0.1:{request.getfixturevalue('redis_port')}/0"
    with Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    opened: Ledger
    if request.param == "memory":
        opened = MemoryLedger()
    elif request.param == "sqlite":
        opened = SqliteLedger(tmp_path / "ledger.db")
    else:
        opened = RedisLedger(redis_url(request))
    yield opened
    opened.close()


@pytest.fixture(params=KINDS)
def eventlog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BillableLog]:
    opened: BillableLog
    if request.param == "memory":
        opened = MemoryEventLog()
    elif request.param == "sqlite":
        opened = SqliteEventLog(tmp_path / "events.db")
    else:
        opened = RedisEventLog(redis_url(request))
    yield opened
    opened.close()


def a_sale(key: str, micros: int, budget: int, campaign: str = "k1", shown: datetime = NOON, chance: float = 0.0) -> Sale:
    """Of an ad whose claim, where it has one, hardly fades."""
    return Sale(key, campaign, micros, budget, shown, chance, 1e9)


def a_promise(place: str, micros: int = 0, budget: int = 10**9, campaign: str = "k1", cap: int = 0, chance: float = 1.0) -> Promise:
    """Of an ad that stands for an hour, and is sure to be charged in the end."""
    return Promise(place, campaign, micros, chance, 1e9, budget, cap, NOON + timedelta(hours=1))


def a_decision(key: str, at: datetime = NOON) -> Decision:
    price = Price(400_000, "click", 900_000, 8_000_000, 50_000, "next")
    shown = RankedAd("a1", "k1", "adv", "cpc", 900_000, 0.02, None, 1.0, 18_000_000, 1, 0.98, 1.0, price, (0.5, -1.25, 3e-8))
    held = RankedAd("a2", "k2", "adv", "cpa", 700_000, 0.01, 0.2, 0.9, 7_000_000)
    return Decision(
        key, AdRequest(f"r-{key}", "proactive", "u1", at, region="Zürich"), at, "full", "click@1", "click", "s1",
        Funnel({"Campaigns": 40}, {"Budget": 3}, 35, 1, 1), (shown,), (held,), flags=("profile_stale",), stage_ms={"recall": 0.25},
    )  # fmt: skip


@pytest.fixture
def decided() -> Callable[..., Decision]:
    return a_decision


@pytest.fixture
def happened() -> Callable[..., Event]:
    def event(key: str, creative: str = "a1", after: timedelta = timedelta(seconds=5)) -> Event:
        return Event(key, "d1", creative, "click", NOON + after, 7)

    return event


@pytest.fixture
def noon() -> datetime:
    return NOON
