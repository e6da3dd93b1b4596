"""One SQLite file in WAL mode, opened once a thread; what is committed is on disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BUSY_MS: Final = 10_000


class SqliteFile:
    """durable: every commit reaches the disk before it returns (synchronous=FULL), for what is billed."""

    def __init__(self, path: Path, schema: str, durable: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._durable = path, durable
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self.connection.executescript(schema)

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self._path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
            found.execute("pragma journal_mode = wal")
            found.execute(f"pragma synchronous = {'full' if self._durable else 'normal'}")
            self._local.connection = found
            with self._lock:
                self._open.append(found)
        return found

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; the write lock is taken at once, so two writers queue instead of failing half-way."""
        connection = self.connection
        connection.execute("begin immediate")
        try:
            yield connection
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")

    def close(self) -> None:
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
        self._local = threading.local()
