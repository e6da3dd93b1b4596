"""What a search's reading costs, and an ad's text, from where they come and from the cache in the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

import numpy as np

from pipelines.bench.serving import synthetic
from serving.caches.kind import Kind
from serving.caches.memory import MemoryLevel
from serving.caches.memory_generations import MemoryGenerations
from serving.caches.redis import RedisLevel
from serving.caches.tiered import CacheLevel, CacheTerms, TieredCache
from serving.language.analyse import read
from serving.snapshot import open_current
from serving.snapshot.columns import TEXTS
from serving.understanding.query_analysis import QUERY

ADS: Final = 1_000
WORDS: Final = 20_000
TEXT: Kind[str] = Kind("text", "1", str.encode, bytes.decode)
T = TypeVar("T")


def texts(folder: Path, url: str, times: int) -> dict[str, float]:
    """Medians in microseconds. url: of a Redis."""
    language, rng = synthetic.language(WORDS), np.random.default_rng(1)
    words = synthetic.vocabulary(WORDS)
    asked = [" ".join(map(str, rng.choice(words, 3))) for _ in range(times)]
    near, far = _cache(CacheLevel("l1", MemoryLevel(64 * 1024 * 1024), 300)), _cache(CacheLevel("l2", RedisLevel(url, 1.0), 3600, True))

    def kept(cache: TieredCache, text: str) -> object:
        return cache.get(QUERY, "", ("1", "en", text), lambda: read(language, text, "en"))

    for text in asked:
        kept(near, text)
        kept(far, text)
        far.writes.settle()
    synthetic.catalogue(folder, ADS)
    snapshot = open_current(folder)
    column = f"text.{TEXTS[0]}"
    rows = [int(row) for row in rng.integers(ADS, size=times)]

    def text_of(row: int) -> str:
        return snapshot.text(column, row)

    def kept_text(row: int) -> object:
        return near.get(TEXT, "", (snapshot.version, column, str(row)), lambda: text_of(row))

    for row in rows:
        kept_text(row)
    out = {
        "query_read_us": _median(lambda text: read(language, text, "en"), asked),
        "query_l1_us": _median(lambda text: kept(near, text), asked),
        "query_l2_us": _median(lambda text: kept(far, text), asked),
        "ad_text_mapped_us": _median(text_of, rows),
        "ad_text_l1_us": _median(kept_text, rows),
    }
    near.close()
    far.close()
    return out


def _cache(level: CacheLevel) -> TieredCache:
    return TieredCache((level,), MemoryGenerations(0), CacheTerms(1.0, 30, 0.1))


def _median(work: Callable[[T], object], over: Iterable[T]) -> float:
    took = []
    for one in over:
        began = time.perf_counter()
        work(one)
        took.append(time.perf_counter() - began)
    return median(took) * 1e6
