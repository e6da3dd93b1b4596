"""How often each level of the cache has a user's row: predicted by the working set, and measured in memory and in a real Redis."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from redis import Redis

from feature_repo.stored_row import StoredRow, StoredTable
from feature_repo.tables import USER_TABLES
from pipelines.operations.verb import Progress
from pipelines.planning.working_set import CacheSize, hit_ratios, zipf
from serving.caches.memory import ENTRY_BYTES, MemoryLevel
from serving.caches.memory_generations import MemoryGenerations
from serving.caches.redis import RedisLevel
from serving.caches.tiered import CacheLevel, CacheTerms, TieredCache
from serving.understanding.cached_profiles import USER

KEY_BYTES: Final = len("user:") + 32
JITTER: Final = 0.1
PROBES: Final = 2_000
"""Entries that are put into Redis to learn what one takes of its memory."""
SERVED: Final[dict[str, str | int]] = {"maxmemory-policy": "allkeys-lru", "maxmemory-samples": 16, "active-expire-effort": 10, "hz": 100}
"""Redis' settings. It removes what has ended as promptly, beside seconds, as it usually does beside an hour."""
PATIENT: Final = 5.0
"""Seconds that Redis is waited for: what a busy machine makes late is no miss."""


@dataclass(frozen=True)
class Trial:
    """Requests of `users` at `rate` a second, spread over so many workers. The near level has room for near_rows a worker and keeps them
    near_seconds; the far one, of all workers, likewise. warm: seconds before what is counted; seconds: what is counted."""

    users: int
    rate: float
    workers: int
    near_rows: int
    near_seconds: float
    far_rows: int
    far_seconds: float
    warm: float
    seconds: float


USUAL: Final = Trial(10_000, 600, 4, 500, 1.0, 3_000, 12.0, 16.0, 24.0)
"""Times stand to each other as five minutes to an hour, 300 times as short."""
SHORT: Final = Trial(2_000, 300, 4, 100, 0.5, 600, 6.0, 7.0, 4.0)


@dataclass(frozen=True)
class Ratios:
    """Of the near level and the far one, and the rate at which requests came."""

    predicted: tuple[float, float]
    measured: tuple[float, float]
    rate: float


def a_row() -> StoredRow:
    """Of a user of whom everything is known."""
    rng, now = np.random.default_rng(1), int(datetime.now(UTC).timestamp())
    tables = []
    for table in USER_TABLES:
        cells = [
            rng.normal(size=f.width).astype(np.float32).tobytes() if f.dtype == "vector" else b"languages2" if f.dtype == "string" else 3
            for f in table.features
        ]
        tables.append(StoredTable(now, tuple(cells)))
    return StoredRow(tuple(tables))


def ratios(trial: Trial, exponent: float, url: str, say: Progress) -> Ratios:
    """Requests come at random moments, as they would, to real levels. url: of a Redis that this may empty and bound."""
    row = a_row()
    entry_bytes = KEY_BYTES + len(USER.encode(row)) + ENTRY_BYTES
    with Redis.from_url(url) as client:
        caches = [_worker(trial, trial.near_rows * entry_bytes, url) for _ in range(trial.workers)]
        for n, cache in enumerate(caches):  # each opens the connections that it will use: they take some of Redis' memory
            cache.get(USER, "", ("s0", str(n)), lambda: row)
            cache.writes.settle()
        far_rows = _bound(client, trial.far_rows, url, USER.encode(row))
        say(f"Zipf {exponent:g}: {trial.warm + trial.seconds:g} s of requests")
        counted, rate = _asked(trial, exponent, caches, row)
        for cache in caches:
            cache.close()
        client.config_set("maxmemory", 0)
    found = [counted[level, "hit"] / max(counted[level, "hit"] + counted[level, "miss"], 1) for level in ("l1", "l2")]
    lasts = 1 - JITTER / 2
    near = CacheSize(trial.near_rows, trial.near_seconds * lasts, trial.workers)
    far = CacheSize(far_rows, trial.far_seconds * lasts)
    predicted = hit_ratios(rate * zipf(trial.users, exponent), 1.0, [near, far])
    return Ratios((predicted[0], predicted[1]), (found[0], found[1]), rate)


def _worker(trial: Trial, near_bytes: int, url: str) -> TieredCache:
    levels = (
        CacheLevel("l1", MemoryLevel(near_bytes), trial.near_seconds),
        CacheLevel("l2", RedisLevel(url, PATIENT), trial.far_seconds, remote=True),
    )
    return TieredCache(levels, MemoryGenerations(0), CacheTerms(PATIENT, trial.near_seconds, JITTER))


def _bound(client: Redis, rows: int, url: str, value: bytes) -> int:
    """Bounds Redis' memory to about so many rows, the least recently used going first, and empties it; returns how many rows it holds."""
    client.flushall()
    before = _used(client)
    _put(url, PROBES, value)
    each = (_used(client) - before) / PROBES
    for name, to in SERVED.items():
        client.config_set(name, to)
    client.config_set("maxmemory", int(before + rows * each))
    _put(url, 2 * rows, value)
    held = client.dbsize()
    client.flushall()
    return int(held)  # type: ignore[arg-type]


def _used(client: Redis) -> int:
    return int(client.info("memory")["used_memory"])  # type: ignore[index]


def _put(url: str, rows: int, value: bytes) -> None:
    level = RedisLevel(url, PATIENT)
    for n in range(rows):
        level.put(f"user:{n:032d}", value, 3600.0)
    level.close()


def _asked(trial: Trial, exponent: float, caches: list[TieredCache], row: StoredRow) -> tuple[Counter[tuple[str, str]], float]:
    """What became of look-ups by level once it was warm, and how many requests a second came then."""
    rng = np.random.default_rng(int(exponent * 100))
    n = int(trial.rate * (trial.warm + trial.seconds))
    users = rng.choice(trial.users, n, p=zipf(trial.users, exponent)).tolist()
    at = np.cumsum(rng.exponential(1 / trial.rate, n)).tolist()
    workers = rng.integers(len(caches), size=n).tolist()
    began, first, warm_at, before = time.perf_counter(), n, 0.0, Counter[tuple[str, str, str]]()
    for i in range(n):
        now = time.perf_counter() - began
        if now < at[i]:
            time.sleep(at[i] - now)
        if first == n and at[i] >= trial.warm:
            first, warm_at, before = i, time.perf_counter(), _total(caches)
        caches[workers[i]].get(USER, "", ("s1", str(users[i])), lambda: row)
    out = Counter[tuple[str, str]]()
    for (level, _, outcome), times in (_total(caches) - before).items():
        out[level, outcome] += times
    return out, (n - first) / (time.perf_counter() - warm_at)


def _total(caches: list[TieredCache]) -> Counter[tuple[str, str, str]]:
    total = Counter[tuple[str, str, str]]()
    for cache in caches:
        total += cache.counts
    return total
