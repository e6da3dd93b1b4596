"""One SQLite file in WAL mode, opened once a thread; what is committed is on disk."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from serving.errors import ServingError

BUSY_MS: Final = 10_000


def write_ahead(connection: sqlite3.Connection) -> None:
    """Turns the WAL on. SQLite's own timeout does not cover this switch: two that open a new file at once would fail."""
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


class SqliteFile:
    """durable: every commit reaches the disk before it returns (synchronous=FULL), for what is billed."""

    def __init__(self, path: Path, schema: str, durable: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._durable = path, durable
        self._local = threading.local()
        self._open: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        self._create(schema)

    def _create(self, schema: str) -> None:
        """Marks the file with its schema. Raises ServingError for a file of another one, which is left as it is."""
        mark = zlib.crc32(schema.encode()) >> 1
        with self.transaction() as connection:
            found = connection.execute("pragma user_version").fetchone()[0]
            if found != mark and connection.execute("select count(*) from sqlite_master").fetchone()[0]:
                fix = "Another version of Placard wrote it: move it away, or use a fresh PLACARD_HOME."
                raise ServingError("state file", str(self._path), fix)
            for statement in schema.split(";"):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {mark}")

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection; those of threads that have ended are closed."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self._path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
            write_ahead(found)
            found.execute(f"pragma synchronous = {'full' if self._durable else 'normal'}")
            self._local.connection = found
            with self._lock:
                for thread in [t for t in self._open if not t.is_alive()]:
                    self._open.pop(thread).close()
                self._open[threading.current_thread()] = found
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
            for connection in self._open.values():
                connection.close()
            self._open.clear()
        self._local = threading.local()
