"""One load of a key at a time: whoever asks meanwhile waits for it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from serving.errors import Late
from serving.stores.deadline import left

T = TypeVar("T")


class _Flight(Generic[T]):
    """A load under way. came: what it brought, once it is over; nothing where it failed."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.came: list[T] = []


class Flights(Generic[T]):
    """Of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, _Flight[T]] = {}

    def run(self, key: str, load: Callable[[], T]) -> T:
        """What `load` returns, called here or by another thread that was first. Where that one's failed, this one's is called.
        Raises what it raises, and Late where the other's has not ended when this thread's time (stores/deadline.py) is over."""
        while True:
            with self._lock:
                before = self._under_way.get(key)
                mine = self._under_way.setdefault(key, _Flight())
            if before is None:
                return self._fly(key, mine, load)
            seconds = left()
            if not before.over.wait(None if math.isinf(seconds) else max(seconds, 0.0)):
                raise Late("cache", f"{seconds * 1000:.1f} ms", "Another request is loading the same and takes longer.")
            if before.came:
                return before.came[0]

    def _fly(self, key: str, flight: _Flight[T], load: Callable[[], T]) -> T:
        try:
            flight.came.append(load())
        finally:
            with self._lock:
                del self._under_way[key]
            flight.over.set()
        return flight.came[0]
