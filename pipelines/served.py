"""The event log, opened by the factory: what was served under the settings in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from serving.decision import Decision
from serving.eventlog.log import Event, EventLog
from serving.settings import Settings


class NothingServed:
    """The event log of a platform that has not served yet; reading it makes no file."""

    def append_decision(self, decision: Decision) -> None:
        raise NotImplementedError("only serving writes the event log")

    def append_events(self, events: Sequence[Event], received: datetime) -> list[bool]:
        raise NotImplementedError("only serving writes the event log")

    def append_shadow(self, decision_id: str, bundle: str, scores: Sequence[float]) -> None:
        raise NotImplementedError("only serving writes the event log")

    def decision(self, decision_id: str) -> Decision | None:
        return None

    def decisions(self, since: datetime, until: datetime) -> Iterator[Decision]:
        return iter(())

    def events(self, since: datetime, until: datetime) -> Iterator[tuple[Event, datetime]]:
        return iter(())

    def close(self) -> None:
        pass


@contextmanager
def served_log(settings: Settings) -> Iterator[EventLog]:
    """The log, closed on leaving; NothingServed when this state folder has none."""
    log = _open(settings)
    try:
        yield log
    finally:
        log.close()


def _open(settings: Settings) -> EventLog:
    if settings.profile == "embedded" and not settings.home.eventlog.exists():
        return NothingServed()
    from serving.deps import open_eventlog

    return open_eventlog(settings)
