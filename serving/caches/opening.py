"""Opens the caches that the settings name."""

from __future__ import annotations

from typing import Final

from serving.caches.generations import Generations
from serving.caches.memory import MemoryLevel
from serving.caches.redis import RedisLevel
from serving.caches.redis_generations import RedisGenerations
from serving.caches.sqlite_generations import SqliteGenerations
from serving.caches.tiered import CacheLevel, CacheTerms, TieredCache
from serving.settings import Settings
from serving.stores.breaker import Breaker, guarded

GENERATIONS: Final = "cache generations"
CLOCK_SECONDS: Final = 60.0
"""Marks last so much longer than what is cached, since machines' clocks differ."""


def open_generations(settings: Settings) -> Generations:
    """SQLite in the state folder, or Redis when clustered: where the ledger lies."""
    rooms = settings.caches
    # What lies in one level may have come from the next one, at the end of its time there.
    lasts = rooms.cache_l1_seconds + rooms.cache_l2_seconds + rooms.cache_regional_seconds + CLOCK_SECONDS
    if settings.profile == "cluster":
        return RedisGenerations(settings.stores.redis_url, lasts)
    return SqliteGenerations(settings.home.state / "generations.db", lasts)


def open_cache(settings: Settings) -> TieredCache:
    """The levels that are on. Nothing is asked of a server yet: one that does not answer is a cache that has nothing."""
    room, deadline = settings.caches, settings.caches.cache_deadline_ms / 1000
    levels, breakers = list[CacheLevel](), dict[str, Breaker]()

    def watched(name: str) -> Breaker:
        return breakers.setdefault(name, Breaker(name, least=0.0, hang=deadline))

    if room.cache_l1_bytes:
        levels.append(CacheLevel("l1", MemoryLevel(room.cache_l1_bytes), room.cache_l1_seconds))
    for name, url, seconds in (
        ("l2", room.cache_l2_url, room.cache_l2_seconds),
        ("regional", room.cache_regional_url, room.cache_regional_seconds),
    ):
        if url:
            levels.append(CacheLevel(name, guarded(RedisLevel(url, deadline), watched(f"cache {name}")), seconds, remote=True))
    terms = CacheTerms(deadline, room.cache_negative_seconds, room.cache_jitter)
    generations = guarded(open_generations(settings), watched(GENERATIONS))
    return TieredCache(levels, generations, terms, breakers)
