"""A served day to collect, watch and judge: a small event log with decisions, impressions and clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feature_repo.services import CLICK
from serving.eventlog.log import Event, EventLog
from serving.eventlog.memory import MemoryEventLog
from serving.eventlog.sqlite import SqliteEventLog
from serving.record.decision import Decision, Funnel, Price, RankedAd
from serving.record.request import AdRequest
from tests.pipelines.searched_market import searched
from tests.pipelines.small_platform import copy, platform, spoil

__all__ = ["copy", "platform", "searched", "spoil"]
"""Fixtures of several rooms: a market that is searched, and a small platform, built, checked and published."""

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


def make_ad(creative: str, pctr: float = 0.02, position: int = 1, features: tuple[float, ...] = ()) -> RankedAd:
    return RankedAd(
        creative_id=creative, campaign_id=f"c-{creative}", advertiser_id="adv", objective="cpc", bid_micros=900_000, pctr=pctr,
        pcvr=None, quality=1.0, ecpm_micros=18_000_000, position=position, propensity=0.98, features=features,
        price=Price(400_000, "click", 900_000, 8_000_000, 50_000, "next"),
    )  # fmt: skip


def make_decision(
    key: str,
    at: datetime = NOON,
    ads: Sequence[RankedAd] = (),
    *,
    user: str = "u1",
    consent: bool = True,
    explored: bool = False,
) -> Decision:
    request = AdRequest(f"r-{key}", "proactive", user, at, device="mobile", os="ios", region="north", language="en", consent=consent)
    shown = tuple(ads) or (make_ad("a1"), make_ad("a2", 0.01, 2))
    return Decision(
        decision_id=key, request=request, decided_at=at, rung="full", policy="click@1", input=CLICK.name, snapshot="s1",
        funnel=Funnel({"campaigns": 40}, {"Budget": 3}, 30, 7 - len(shown), len(shown)), shown=shown, held=(),
        explored=explored,
    )  # fmt: skip


def make_event(decision: str, creative: str, kind: str, at: datetime, key: str = "") -> Event:
    return Event(key or f"{decision}-{creative}-{kind}", decision, creative, kind, at)


@pytest.fixture(params=["memory", "sqlite"])
def eventlog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventLog]:
    log: EventLog = MemoryEventLog() if request.param == "memory" else SqliteEventLog(tmp_path / "served.db")
    yield log
    log.close()


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def decided() -> Callable[..., Decision]:
    return make_decision


@pytest.fixture
def ad() -> Callable[..., RankedAd]:
    return make_ad


@pytest.fixture
def happened() -> Callable[..., Event]:
    return make_event


@pytest.fixture
def hour() -> timedelta:
    return timedelta(hours=1)
