"""Kills a piece of work with SIGKILL at every step in which it touches files, and says what each death left.

A step is what Python's audit hooks tell of before it happens: a file opened to be written, renamed or removed, a folder made or
removed, a database opened. Each death has a process of its own, forked from one that has imported everything already.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
CHANGES: Final = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "sqlite3.connect"})


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
        if self.count == self.last:
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
            work()
            os.write(writes, str(steps.count).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writes)
    with os.fdopen(reads) as said:
        count = said.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return int(count) if status == 0 else -1
