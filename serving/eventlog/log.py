"""The contract of the event log: decisions and what came of them, durable and idempotent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec.json import Decoder

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


@dataclass(frozen=True, slots=True)
class First:
    """The first event of its kind for an ad on a page: when it happened, and when it was received."""

    ts: datetime
    received: datetime


AS_DECISION: Final = Decoder(Decision)
AS_EVENT: Final = Decoder(Event)
AS_LATE_EVENT: Final = Decoder(tuple[Event, str])
"""Decoders of the records. They are made once, at import, and not by each call: where two threads are the first to decode into the same
class, msgspec (0.22) reads a description that is half made, and the process ends."""

MOST_VALUE_MICROS: Final = 10**15
"""The most that an event may be worth: a billion, in whatever currency the platform runs."""

PATIENCE: Final = timedelta(minutes=1)
"""How long a click waits for the impression of its ad."""


def clicked(happened: Mapping[str, First]) -> bool:
    """Whether an ad that was shown counts as clicked: its impression is on record as well, and came no more than PATIENCE after the click.
    happened: as EventLog.happened says it."""
    click, impression = happened.get("click"), happened.get("impression")
    return click is not None and impression is not None and impression.received <= click.received + PATIENCE


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

    def happened(self, decision_id: str, creative_id: str) -> dict[str, First]:
        """What is on record of an ad on a page: the first event of each kind."""
        ...

    def decision(self, decision_id: str) -> Decision | None:
        """The record, with any shadow scores that have arrived; None when unknown."""
        ...

    def decisions(self, since: datetime, until: datetime) -> Iterator[Decision]: ...

    def events(self, since: datetime, until: datetime) -> Iterator[tuple[Event, datetime]]:
        """Events with the moment each was received in [since, until)."""
        ...

    def first(self) -> datetime | None:
        """When the oldest decision was decided, or the oldest event or late event received; None for an empty log."""
        ...

    def forget(self, until: datetime) -> int:
        """Removes decisions decided before `until`, with their shadow scores, and events and late events received before it; returns how
        many decisions and events those were. Killed half-way, it has removed some, and goes on when it is called again."""
        ...

    def close(self) -> None: ...


class BillableLog(EventLog, Protocol):
    """An event log from which charges are made: it can say what the event of an id was when it first came."""

    def event(self, event_id: str) -> Event | None:
        """The event as it first came; None when unknown."""
        ...

    def settle(self, event_ids: Sequence[str]) -> None:
        """Marks events as done with: all that they cost is charged, all that they count for is counted."""
        ...

    def unsettled(self) -> list[tuple[Event, datetime]]:
        """Events that were kept, but not done with, with the moment each was received: whoever kept them may have been killed."""
        ...
