"""The contract of one level of the cache: bytes under a key, for a while."""

from __future__ import annotations

from typing import Protocol


class Level(Protocol):
    """Safe to call from several threads. A level may forget anything at any time; it never gives back what is over."""

    def get(self, key: str) -> bytes | None:
        """What is kept under the key; None where nothing is."""
        ...

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keeps the value under the key for so many seconds, in place of what was there."""
        ...

    def close(self) -> None: ...
