"""Kills a piece of work with SIGKILL at every step in which it touches files, and says what each death left.

A step is what Python's audit hooks tell of before it happens: a file opened to be written, renamed or removed, a folder made or
removed, a database opened; a file that was opened to be written anew, and is empty; and a transaction of SQLite that is about to be
committed. Each death has a process of its own, forked from one that has imported everything already.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
CHANGES: Final = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "sqlite3.connect"})
_connect: Final = sqlite3.connect


@dataclass
class Steps:
    """Counts the steps below a folder; dies at the one whose number is `last`, before it happens."""

    root: Path
    last: int = -1
    count: int = 0

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        if event == "open":
            touches = isinstance(arguments[0], str | bytes) and isinstance(arguments[2], int) and bool(arguments[2] & WRITES)
        else:
            touches = event in CHANGES
        if not touches or not any(str(self.root) in os.fsdecode(a) for a in arguments[:2] if isinstance(a, str | bytes)):
            return
        self._step()
        if event == "open" and arguments[2] & os.O_TRUNC and os.path.isfile(arguments[0]):
            self._step(arguments[0])

    def connect(self, *arguments: Any, **more: Any) -> sqlite3.Connection:
        """Stands in place of sqlite3.connect."""
        connection = _connect(*arguments, **more)
        connection.set_trace_callback(self._read)
        return connection

    def _read(self, statement: str) -> None:
        """What a database is about to do."""
        if statement.startswith("COMMIT"):
            self._step()

    def _step(self, emptied: str | bytes = "") -> None:
        """emptied: a file that is to be written anew and is empty until then."""
        if self.count == self.last:
            if emptied:
                os.truncate(emptied, 0)
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1


def apart(work: Callable[[], object], root: Path, last: int = -1) -> int:
    """Does the work in a forked process that dies at step `last`; gives how many steps it took, or -1 when it was killed. Raises
    AssertionError when it ended otherwise."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        steps, status = Steps(root, last), 1
        try:
            sys.addaudithook(steps.hear)
            sqlite3.connect = sqlite3.dbapi2.connect = steps.connect  # type: ignore[assignment]
            work()
            os.write(writes, str(steps.count).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writes)
    with os.fdopen(reads) as said:
        count = said.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return int(count) if status == 0 else -1
