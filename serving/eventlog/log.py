"""The contract of the event log: decisions and what came of them, durable and idempotent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from serving.record.decision import Decision


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a shown ad. kind: `impression` or one of feature_repo.events.ENGAGEMENT_KINDS."""

    event_id: str
    decision_id: str
    creative_id: str
    kind: str
    ts: datetime
    value_micros: int = 0


class EventLog(Protocol):
    """Appends are durable when they return. Safe to call from several threads and processes."""

    def append_decision(self, decision: Decision) -> None: ...

    def append_events(self, events: Sequence[Event], received: datetime) -> list[bool]:
        """True for each event that is new; an event_id seen before changes nothing and gives False."""
        ...

    def append_late(self, events: Sequence[tuple[Event, str]], received: datetime) -> None:
        """Keeps events that do not count, each with the reason, apart from those that do; an event_id seen before changes nothing."""
        ...

    def late(self, since: datetime, until: datetime) -> Iterator[tuple[Event, str]]:
        """Events that did not count, with the reasons, received in [since, until), in that order."""
        ...

    def append_shadow(self, decision_id: str, bundle: str, scores: Sequence[float]) -> None:
        """A shadow bundle's pCTR for the shown, then the held ads of a decision, in the record's order."""
        ...

    def decision(self, decision_id: str) -> Decision | None:
        """The record, with any shadow scores that have arrived; None when unknown."""
        ...

    def decisions(self, since: datetime, until: datetime) -> Iterator[Decision]: ...

    def events(self, since: datetime, until: datetime) -> Iterator[tuple[Event, datetime]]:
        """Events with the moment each was received in [since, until)."""
        ...

    def close(self) -> None: ...


class BillableLog(EventLog, Protocol):
    """An event log from which charges are made: it can say what the event of an id was when it first came."""

    def event(self, event_id: str) -> Event | None:
        """The event as it first came; None when unknown."""
        ...
