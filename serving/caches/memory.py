"""The level in the process: bounded in bytes, the least recently used goes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cachetools import TLRUCache

ENTRY_BYTES: Final = 560
"""What an entry costs beside the bytes of its key and value: the objects that hold it, and its places in the orders of use and expiry."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: bytes
    until: float
    size: int


class MemoryLevel:
    """most_bytes: of all entries together, each counted with its key and ENTRY_BYTES; never exceeded. What is larger by itself is not kept.
    clock: seconds that never go back."""

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.evicted = 0
        """Entries that went before their time, to make room."""
        self._most, self._clock, self._lock = most_bytes, clock, threading.Lock()
        self._kept: Any = TLRUCache(most_bytes, ttu=lambda _, kept, __: kept.until, timer=clock, getsizeof=lambda kept: kept.size)

    @property
    def held_bytes(self) -> int:
        """What all entries count just now."""
        with self._lock:
            return int(self._kept.currsize)

    def get(self, key: str) -> bytes | None:
        with self._lock:
            found: _Kept | None = self._kept.get(key)
        return None if found is None else found.value

    def put(self, key: str, value: bytes, seconds: float) -> None:
        size = len(key) + len(value) + ENTRY_BYTES
        if size > self._most or seconds <= 0:
            return
        kept = _Kept(value, self._clock() + seconds, size)
        with self._lock:
            self._kept.expire()
            self._kept.pop(key, None)
            before = len(self._kept)
            self._kept[key] = kept
            self.evicted += before + 1 - len(self._kept)

    def close(self) -> None:
        with self._lock:
            self._kept.clear()
