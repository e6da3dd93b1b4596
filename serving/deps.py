"""What a worker is made of, opened from the settings."""

from __future__ import annotations

from datetime import datetime

from serving.eventlog.log import BillableLog
from serving.eventlog.sqlite import SqliteEventLog
from serving.settings import Settings
from serving.stages import Profiles, UserRow
from serving.state.ledger import Ledger
from serving.state.sqlite import SqliteLedger


def open_eventlog(settings: Settings) -> BillableLog:
    """SQLite in the state folder, or Redis when clustered."""
    if settings.profile == "cluster":
        from serving.eventlog.redis import RedisEventLog

        return RedisEventLog(settings.redis_url)
    return SqliteEventLog(settings.home.eventlog / "events.db")


def open_ledger(settings: Settings) -> Ledger:
    """SQLite in the state folder, or Redis when clustered."""
    if settings.profile == "cluster":
        from serving.state.redis import RedisLedger

        return RedisLedger(settings.redis_url)
    return SqliteLedger(settings.home.state / "ledger.db")


class LazyProfiles:
    """The online store, opened when features have been published, so that a server may start before that."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: Profiles | None = None

    def read(self, user_id: str, now: datetime) -> UserRow:
        from feature_repo.feast_store import OnlineProfiles, open_store, unknown_user

        if self._opened is None:
            if not (self._settings.home.feast / "registry.db").exists():
                return unknown_user("nothing_published")
            self._opened = OnlineProfiles(open_store(self._settings.home, self._settings.profile, self._settings.redis_url))
        return self._opened.read(user_id, now)
