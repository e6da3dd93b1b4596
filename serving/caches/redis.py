"""The level in a Redis server that all workers share."""

from __future__ import annotations

from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PREFIX: Final = "placard:cache:"


class RedisLevel:
    """timeout: seconds for a connection, and for an answer. Nothing is tried a second time: what is not in the cache is in its source."""

    def __init__(self, url: str, timeout: float) -> None:
        once = Retry(NoBackoff(), 0)
        self._redis: Any = Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=once)

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._redis.get(PREFIX + key)
        return found

    def put(self, key: str, value: bytes, seconds: float) -> None:
        if (ms := int(seconds * 1000)) > 0:
            self._redis.set(PREFIX + key, value, px=ms)

    def close(self) -> None:
        self._redis.close()
