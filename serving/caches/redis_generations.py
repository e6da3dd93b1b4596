"""Generations in Redis: shared by all machines."""

from __future__ import annotations

import uuid
from typing import Any, Final

from serving.caches.generations import EVERYBODY
from serving.stores.redis_server import connect

PREFIX: Final = "placard:generation:"


class RedisGenerations:
    """lasts: seconds for which anything may be cached. In the server that keeps the ledger, which does not evict."""

    def __init__(self, url: str, lasts: float) -> None:
        self._redis: Any = connect(url)
        self._lasts = lasts

    def of(self, owner: str) -> str:
        marks = self._redis.mget(PREFIX + EVERYBODY, PREFIX + owner)
        return ".".join((mark or b"").decode() for mark in marks)

    def advance(self, owner: str) -> None:
        lasts = None if owner == EVERYBODY else int(self._lasts * 1000) + 1
        self._redis.set(PREFIX + owner, uuid.uuid4().hex, px=lasts)

    def forget(self) -> int:
        """Redis removes by itself what is old."""
        return 0

    def close(self) -> None:
        self._redis.close()
