"""A state file knows its schema: another version's is refused by name and left as it was."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from serving.errors import ServingError
from serving.stores.sqlite_file import SqliteFile

SCHEMA = "create table if not exists one (a text);"


def test_a_file_of_another_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    SqliteFile(path, SCHEMA, durable=True).close()
    SqliteFile(path, SCHEMA, durable=True).close()
    with pytest.raises(ServingError, match=r"books\.db.*move it away"):
        SqliteFile(path, "create table if not exists one (a text, b text);", durable=True)
    again = SqliteFile(path, SCHEMA, durable=True)
    assert [row[1] for row in again.connection.execute("pragma table_info(one)")] == ["a"]
    again.close()


def test_many_may_create_it_at_once(tmp_path: Path) -> None:
    """The switch to WAL is the step that SQLite's own timeout does not cover."""
    for turn in range(40):
        start = threading.Barrier(8)

        def create(_: int, path: Path = tmp_path / f"books{turn}.db", start: threading.Barrier = start) -> SqliteFile:
            start.wait()
            return SqliteFile(path, SCHEMA, durable=True)

        with ThreadPoolExecutor(8) as pool:
            for file in pool.map(create, range(8)):
                assert file.connection.execute("pragma journal_mode").fetchone()[0] == "wal"
                file.close()


def test_threads_that_end_leave_no_file_open(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "books.db", SCHEMA, durable=True)
    before = len(psutil.Process().open_files())
    for _ in range(50):
        thread = threading.Thread(target=lambda: file.connection.execute("select 1"))
        thread.start()
        thread.join()
    assert len(psutil.Process().open_files()) <= before + 3
    file.close()
