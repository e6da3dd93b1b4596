"""The event log, opened by the factory: what was served under the settings in force."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from serving.eventlog.log import EventLog
from serving.eventlog.memory import MemoryEventLog
from serving.settings import Settings


@contextmanager
def served_log(settings: Settings) -> Iterator[EventLog]:
    """The log, closed on leaving; an empty one in memory, and no file, where nothing has been served yet."""
    log = _open(settings)
    try:
        yield log
    finally:
        log.close()


def _open(settings: Settings) -> EventLog:
    if settings.profile == "embedded" and not settings.home.eventlog.exists():
        return MemoryEventLog()
    from serving.deps import open_eventlog

    return open_eventlog(settings)
