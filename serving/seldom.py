"""Log lines of what is out of order and stays so: one a minute for each part, however often it fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

SECONDS: Final = 60.0


class Seldom:
    """Counts what it does not write; the next line of the same part says how many there were. clock: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._written: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def log(self, to: logging.Logger, level: int, part: str, message: str, *args: object, traceback: bool = False) -> bool:
        """Writes the line, or counts it where one of the same part was written within the last minute; returns whether it was written.
        part: what is out of order, of a set of names that callers of the API do not choose. traceback: of the error being handled."""
        with self._lock:
            now = self._clock()
            if now - self._written.get(part, -SECONDS) < SECONDS:
                self._held_back[part] = self._held_back.get(part, 0) + 1
                return False
            self._written[part] = now
            more = self._held_back.pop(part, 0)
        if more:
            message += f" ({more} more like it since the last such line)"
        to.log(level, message, *args, exc_info=traceback)
        return True

    def start_anew(self) -> None:
        """As if nothing had been written yet."""
        with self._lock:
            self._written.clear()
            self._held_back.clear()


SELDOM: Final = Seldom()
"""The one of this process."""
