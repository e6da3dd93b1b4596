"""What is written into caches of other machines, off the path of requests."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

MOST_WAITING: Final = 256
"""Writes that may wait; what comes when so many do is not written."""


class Writes:
    """One thread, started with the first write. dropped: writes that were not done for want of room."""

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(MOST_WAITING)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def offer(self, write: Callable[[], None]) -> None:
        """Does it soon. write: raises nothing."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cache writes", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            self.dropped += 1

    def settle(self) -> None:
        """Returns once everything that was offered before is written."""
        self._waiting.join()

    def stop(self) -> None:
        """Writes what waits, and ends."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while True:
            write = self._waiting.get()
            try:
                if write is None:
                    return
                write()
            finally:
                self._waiting.task_done()
