"""What a user's row costs with the cache in the process and without it, and what of it is out of date while users' events end it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from feature_repo.feast_store import open_store, register_views
from feature_repo.tables import USER_TABLES
from serving.caches.kind import Kind
from serving.caches.memory import MemoryLevel
from serving.caches.opening import open_cache
from serving.caches.redis import RedisLevel
from serving.caches.sqlite_generations import SqliteGenerations
from serving.caches.tiered import CacheLevel, CacheTerms, TieredCache
from serving.engine.stages import Profiles
from serving.settings import Settings
from serving.stores.breaker import Breaker, guarded
from serving.stores.deadline import within
from serving.understanding.cached_profiles import CachedProfiles
from serving.understanding.lazy_profiles import LazyProfiles

USERS: Final = 100
DEADLINE: Final = 1.0
"""Seconds of a request: what a busy machine makes slow is timed all the same."""
NUMBER: Kind[int] = Kind("number", "1", lambda n: str(n).encode(), int)
WORKERS: Final = 3
READERS: Final = 4


@dataclass(frozen=True)
class Reads:
    """Seconds of each read of a user's row: from the online store alone, and where the cache has it."""

    without: list[float]
    cached: list[float]


def reads(settings: Settings, times: int) -> Reads:
    """Of the embedded online store in a fresh state folder, with a deadline and a breaker as requests have them. One after the other, so
    that whatever slows one slows both."""
    _publish(settings)
    store = guarded(LazyProfiles(settings), Breaker("online store"))
    cache = open_cache(settings)
    kept = CachedProfiles(store, cache, lambda: "s1")
    users, now = [f"u{n}" for n in range(USERS)], datetime.now(UTC)
    for user in users:
        kept.read(user, now)
    out = Reads([], [])
    for n in range(times):
        user = users[n % USERS]
        out.without.append(_timed(store, user, now))
        out.cached.append(_timed(kept, user, now))
    cache.close()
    return out


def _timed(profiles: Profiles, user: str, now: datetime) -> float:
    began = time.perf_counter()
    with within(DEADLINE):
        profiles.read(user, now)
    return time.perf_counter() - began


def _publish(settings: Settings) -> None:
    """So many known users in the online store."""
    rng, now = np.random.default_rng(1), datetime.now(UTC)
    with redirect_stdout(StringIO()):
        store = open_store(settings.home)
        register_views(store, settings.home)
        for table in USER_TABLES:
            columns: dict[str, Any] = {table.entity: [f"u{n}" for n in range(USERS)]}
            for f in table.features:
                filled = f.filled(USERS)
                columns[f.name] = list(rng.normal(size=filled.shape).astype(np.float32)) if f.dtype == "vector" else filled
            frame = pd.DataFrame(columns | {"event_timestamp": now, "created_timestamp": now})
            store.write_to_online_store(table.name, frame)


@dataclass(frozen=True)
class Stale:
    """reads: how many there were; stale: those that brought what was true before an event that was acknowledged when they began; events."""

    reads: int
    stale: int
    events: int


def stale_reads(folder: Path, url: str, times: int) -> Stale:
    """Readers and a writer at once, over workers that each have a cache in memory and share a Redis and a file of generations. url: of that
    Redis. times: reads of each reader."""
    generations = [SqliteGenerations(folder / "generations.db", 60.0) for _ in range(WORKERS)]
    workers = [_worker(one, url) for one in generations]
    found = race(workers, USERS, READERS, times)
    for worker in workers:
        worker.close()
    return found


def race(workers: Sequence[TieredCache], users: int, readers: int, times: int) -> Stale:
    """Readers and one writer at once, over workers whose users have the same generations. times: reads of each reader."""
    truth, acknowledged, late, done = [0] * users, [0] * users, list[int](), threading.Event()

    def write() -> None:
        rng = random.Random(1)
        while not done.is_set():
            user = rng.randrange(users)
            truth[user] += 1
            workers[rng.randrange(len(workers))].advance(str(user))
            acknowledged[user] = truth[user]

    def read(me: int) -> None:
        rng = random.Random(me)
        for _ in range(times):
            user = rng.randrange(users)
            due = acknowledged[user]
            found = workers[me % len(workers)].get(NUMBER, str(user), (str(user),), partial(truth.__getitem__, user))
            if found is None or found < due:
                late.append(user)

    writer = threading.Thread(target=write)
    reading = [threading.Thread(target=read, args=(me,)) for me in range(readers)]
    for thread in (writer, *reading):
        thread.start()
    for thread in reading:
        thread.join()
    done.set()
    writer.join()
    return Stale(readers * times, len(late), sum(acknowledged))


def _worker(generations: SqliteGenerations, url: str) -> TieredCache:
    levels = (CacheLevel("l1", MemoryLevel(1_000_000), 300), CacheLevel("l2", RedisLevel(url, DEADLINE), 3600, remote=True))
    return TieredCache(levels, generations, CacheTerms(DEADLINE, 30, 0.1))
