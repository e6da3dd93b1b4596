"""User profiles from the cache, and from the online store where it has none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import msgspec

from feature_repo.stored_row import NO_ROW, StoredRow
from feature_repo.tables import USER_TABLES
from feature_repo.user_row import UserRow, unknown_user
from serving.caches.kind import Kind
from serving.caches.tiered import TieredCache
from serving.errors import NothingPublished
from serving.understanding.lazy_profiles import UNPUBLISHED

WIDTHS: Final = [len(table.features) for table in USER_TABLES]
AS_ROW: Final = msgspec.msgpack.Decoder(StoredRow)
ENCODER: Final = msgspec.msgpack.Encoder()


class StoredRows(Protocol):
    """The online store, or a fake of it."""

    def stored(self, user_id: str) -> StoredRow: ...


class CachedProfiles:
    """rows: where they come from. version: names the snapshot that is served; "" while there is none, and nothing is cached.

    A row is kept as it was stored: whether it is too old is asked each time. Rows are read of users with consent alone (profile.py), so
    that of nobody else anything is kept.
    """

    def __init__(self, rows: StoredRows, cache: TieredCache, version: Callable[[], str]) -> None:
        self._rows, self._cache, self._version = rows, cache, version

    def read(self, user_id: str, now: datetime) -> UserRow:
        try:
            version = self._version()
            row = self._cache.get(USER, user_id, (version, user_id), lambda: self._load(user_id)) if version else self._load(user_id)
        except NothingPublished:
            return unknown_user(UNPUBLISHED)
        return (row or NO_ROW).seen(now)

    def _load(self, user_id: str) -> StoredRow | None:
        row = self._rows.stored(user_id)
        return row if row.known else None


def _decoded(kept: bytes) -> StoredRow:
    row = AS_ROW.decode(kept)
    if [len(table.cells) for table in row.tables] != WIDTHS:
        raise ValueError(f"a row of {[len(table.cells) for table in row.tables]} values, not {WIDTHS}")
    return row


FORM: Final = ",".join(f"{f.name}:{f.dtype}:{f.width}" for table in USER_TABLES for f in table.features)
USER: Final = Kind("user", FORM, ENCODER.encode, _decoded)
"""Users' rows."""
