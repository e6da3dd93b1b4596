"""Generations of one process."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

from serving.caches.generations import EVERYBODY


class MemoryGenerations:
    """lasts: seconds for which anything may be cached. clock: seconds since 1970."""

    def __init__(self, lasts: float, clock: Callable[[], float] = time.time) -> None:
        self._lasts, self._clock, self._lock = lasts, clock, threading.Lock()
        self._marks: dict[str, tuple[str, float]] = {}

    def of(self, owner: str) -> str:
        with self._lock:
            return ".".join(self._marks.get(name, ("", 0.0))[0] for name in (EVERYBODY, owner))

    def advance(self, owner: str) -> None:
        with self._lock:
            self._marks[owner] = (uuid.uuid4().hex, self._clock())

    def forget(self) -> int:
        with self._lock:
            old = [name for name, (_, at) in self._marks.items() if name != EVERYBODY and at < self._clock() - self._lasts]
            for name in old:
                del self._marks[name]
            return len(old)

    def close(self) -> None:
        """Nothing is open."""
