"""A served day to collect, watch and judge: a small event log with decisions, impressions and clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from serving.decision import Decision, Funnel, Price, RankedAd
from serving.eventlog.log import Event
from serving.request import AdRequest

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


@dataclass
class FakeEventLog:
    """The event log's contract over lists."""

    made: dict[str, Decision] = field(default_factory=dict)
    received: dict[str, tuple[Event, datetime]] = field(default_factory=dict)

    def append_decision(self, decision: Decision) -> None:
        self.made[decision.decision_id] = decision

    def append_events(self, events: Sequence[Event], received: datetime) -> list[bool]:
        new = [e.event_id not in self.received for e in events]
        self.received |= {e.event_id: (e, received) for e, fresh in zip(events, new, strict=True) if fresh}
        return new

    def append_shadow(self, decision_id: str, bundle: str, scores: Sequence[float]) -> None:
        decision = self.made[decision_id]
        self.made[decision_id] = replace(decision, shadow={**decision.shadow, bundle: tuple(scores)})

    def decision(self, decision_id: str) -> Decision | None:
        return self.made.get(decision_id)

    def decisions(self, since: datetime, until: datetime) -> Iterator[Decision]:
        return (d for d in self.made.values() if since <= d.decided_at < until)

    def events(self, since: datetime, until: datetime) -> Iterator[tuple[Event, datetime]]:
        return (pair for pair in self.received.values() if since <= pair[1] < until)

    def close(self) -> None:
        pass


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
    request = AdRequest(
        f"r-{key}", "proactive", user, at, device="mobile", os="ios", region="north", language="en", consent=consent
    )
    shown = tuple(ads) or (make_ad("a1"), make_ad("a2", 0.01, 2))
    return Decision(
        decision_id=key, request=request, decided_at=at, rung="full", policy="click@1", input="click", snapshot="s1",
        funnel=Funnel({"campaigns": 40}, {"Budget": 3}, 30, 7 - len(shown), len(shown)), shown=shown, held=(),
        explored=explored,
    )  # fmt: skip


def make_event(decision: str, creative: str, kind: str, at: datetime, key: str = "") -> Event:
    return Event(key or f"{decision}-{creative}-{kind}", decision, creative, kind, at)


@pytest.fixture
def eventlog() -> FakeEventLog:
    return FakeEventLog()


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
