"""Generations in SQLite: shared by all workers of one machine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from serving.caches.generations import EVERYBODY
from serving.stores.sqlite_file import SqliteFile

SCHEMA: Final = """
create table if not exists generations (owner text primary key, mark text not null, at real not null) without rowid;
create index if not exists generations_at on generations (at);
"""


class SqliteGenerations:
    """lasts: seconds for which anything may be cached. clock: seconds since 1970. A power cut may take the newest marks: what they were
    made for lies in memory, or for an hour in another machine's cache."""

    def __init__(self, path: Path, lasts: float, clock: Callable[[], float] = time.time) -> None:
        self._file, self._lasts, self._clock = SqliteFile(path, SCHEMA, durable=False), lasts, clock

    def of(self, owner: str) -> str:
        found = dict(self._file.connection.execute("select owner, mark from generations where owner in (?, ?)", (EVERYBODY, owner)))
        return f"{found.get(EVERYBODY, '')}.{found.get(owner, '')}"

    def advance(self, owner: str) -> None:
        with self._file.transaction() as c:
            c.execute("insert or replace into generations values (?, ?, ?)", (owner, uuid.uuid4().hex, self._clock()))

    def forget(self) -> int:
        with self._file.transaction() as c:
            old = (EVERYBODY, self._clock() - self._lasts)
            return int(c.execute("delete from generations where owner <> ? and at < ?", old).rowcount)

    def close(self) -> None:
        self._file.close()
