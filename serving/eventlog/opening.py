"""Opens the event log that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from serving.eventlog.log import BillableLog, EventLog
from serving.eventlog.memory import MemoryEventLog
from serving.eventlog.redis import RedisEventLog
from serving.eventlog.sqlite import SqliteEventLog
from serving.settings import Settings


def open_eventlog(settings: Settings) -> BillableLog:
    """SQLite in the state folder, or Redis when clustered."""
    if settings.profile == "cluster":
        return RedisEventLog(settings.stores.redis_url)
    return SqliteEventLog(settings.home.eventlog / "events.db")


@contextmanager
def served_log(settings: Settings) -> Iterator[EventLog]:
    """What was served under the settings in force, closed on leaving; an empty log in memory, and no file, where nothing has been
    served yet."""
    log = _open(settings)
    try:
        yield log
    finally:
        log.close()


def _open(settings: Settings) -> EventLog:
    if settings.profile == "embedded" and not settings.home.eventlog.exists():
        return MemoryEventLog()
    return open_eventlog(settings)
