"""User profiles from the online store, which may be published after the server starts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from feature_repo.feast_store import OnlineProfiles, open_store
from feature_repo.rows_address import rows_address
from feature_repo.stored_row import StoredRow
from feature_repo.user_row import UserRow, unknown_user
from serving.errors import NothingPublished
from serving.settings import Settings

UNPUBLISHED: Final = "nothing_published"
"""The flag of a user who is unknown because nobody is known yet."""


class LazyProfiles:
    """The online store, opened when features have been published, so that a server may start before that."""

    def __init__(self, settings: Settings) -> None:
        """Raises FeatureError for an address of users' rows that is none."""
        if settings.profile == "cluster":
            rows_address(settings.stores.rows_url)
        self._settings = settings
        self._opened: OnlineProfiles | None = None

    def stored(self, user_id: str) -> StoredRow:
        """What the store has of the user. Raises NothingPublished before the first publication."""
        if self._opened is None:
            if not (self._settings.home.feast / "registry.db").exists():
                raise NothingPublished("online store", str(self._settings.home.feast), "Publish features: `placard features publish`.")
            self._opened = OnlineProfiles(open_store(self._settings.home, self._settings.profile, self._settings.stores.rows_url))
        return self._opened.stored(user_id)

    def read(self, user_id: str, now: datetime) -> UserRow:
        try:
            return self.stored(user_id).seen(now)
        except NothingPublished:
            return unknown_user(UNPUBLISHED)
