"""Profiles that are read once: the store's time is no contender's, and within a day its rows stay as they were published."""

from __future__ import annotations

from datetime import datetime

from feature_repo.user_row import UserRow
from serving.engine.stages import Profiles


class Remembered:
    """Profiles of another source, each as it was when it was first asked for."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._rows: dict[str, UserRow] = {}

    def read(self, user_id: str, now: datetime) -> UserRow:
        if user_id not in self._rows:
            self._rows[user_id] = self._profiles.read(user_id, now)
        return self._rows[user_id]
