"""User profiles from the online store, which may be published after the server starts."""

from __future__ import annotations

from datetime import datetime

from feature_repo.feast_store import OnlineProfiles, open_store
from feature_repo.user_row import UserRow, unknown_user
from serving.engine.stages import Profiles
from serving.settings import Settings


class LazyProfiles:
    """The online store, opened when features have been published, so that a server may start before that."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: Profiles | None = None

    def read(self, user_id: str, now: datetime) -> UserRow:
        if self._opened is None:
            if not (self._settings.home.feast / "registry.db").exists():
                return unknown_user("nothing_published")
            self._opened = OnlineProfiles(open_store(self._settings.home, self._settings.profile, self._settings.stores.redis_url))
        return self._opened.read(user_id, now)
