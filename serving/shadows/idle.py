"""Tells when a worker has no request in hand, so that work which is not urgent can wait for such a moment."""

from __future__ import annotations

import threading
from types import TracebackType


class Idle:
    """A context manager, entered for as long as a request is decided; by many threads at once."""

    def __init__(self) -> None:
        self._lock, self._in_hand = threading.Lock(), 0
        self._now = threading.Event()
        self._now.set()

    def __enter__(self) -> None:
        with self._lock:
            self._in_hand += 1
            self._now.clear()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._in_hand -= 1
            if self._in_hand == 0:
                self._now.set()

    def wait(self, seconds: float) -> bool:
        """Returns once no request is in hand, or after so many seconds; whether it came to that."""
        return self._now.wait(seconds)
