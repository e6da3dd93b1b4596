"""Every level and every store of generations behind its contract: in memory, in SQLite, and in a real Redis, emptied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from serving.caches.generations import Generations
from serving.caches.level import Level
from serving.caches.memory import MemoryLevel
from serving.caches.memory_generations import MemoryGenerations
from serving.caches.redis import PREFIX, RedisLevel
from serving.caches.redis_generations import RedisGenerations
from serving.caches.sqlite_generations import SqliteGenerations
from tests.serving.every_store import redis_url
from tests.waiting import eventually

PATIENT = 60.0
"""Seconds that a server is waited for where a test is not about that."""
LASTS = 60.0


class Hand:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Opened:
    """A level under test. expire: returns once what is kept under the key is over."""

    level: Level
    expire: Callable[[str], None]


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def opened(request: pytest.FixtureRequest, hand: Hand) -> Iterator[Opened]:
    level: Level
    if request.param == "memory":
        level = MemoryLevel(1_000_000, hand)

        def expire(key: str) -> None:
            hand.now += 3600
    else:
        url = redis_url(request)
        level, client = RedisLevel(url, PATIENT), Redis.from_url(url)

        def expire(key: str) -> None:
            left = client.pttl(PREFIX + key)
            assert isinstance(left, int) and 0 < left <= 3_600_000, "it says itself when it is over"
            client.pexpire(PREFIX + key, 1)
            eventually(lambda: not client.exists(PREFIX + key))

    yield Opened(level, expire)
    level.close()


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def generations(request: pytest.FixtureRequest, tmp_path: Path, hand: Hand) -> Iterator[Generations]:
    stored: Generations
    if request.param == "memory":
        stored = MemoryGenerations(LASTS, hand)
    elif request.param == "sqlite":
        stored = SqliteGenerations(tmp_path / "generations.db", LASTS, hand)
    else:
        stored = RedisGenerations(redis_url(request), LASTS)
    yield stored
    stored.close()
