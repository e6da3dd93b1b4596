"""`bench cache`: how often the caches have what is asked for, beside what was predicted; what they save; whether they are out of date."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from pipelines.bench.serving.cache_ratios import SHORT, USUAL, ratios
from pipelines.bench.serving.cache_reads import reads, stale_reads
from pipelines.bench.serving.cache_texts import texts
from pipelines.bench.serving.redis_process import redis_process
from pipelines.operations.verb import Progress
from pipelines.reporting.figure import Figure, report
from serving.settings import Settings

EXPONENTS: Final = (0.6, 0.9, 1.2)
POINTS: Final = 3.0
"""Percentage points by which a prediction may be off."""
HALF: Final = 0.5


def run(small: bool, say: Progress = lambda line: None) -> dict[str, Any]:
    """Everything on servers and folders of its own, which are gone afterwards. Raises Missing without a redis-server."""
    trial, times = (SHORT, 200) if small else (USUAL, 2_000)
    figures = list[Figure]()
    with tempfile.TemporaryDirectory() as made, redis_process(Path(made)) as url:
        say("users' rows with the cache and without it")
        settings = Settings(PLACARD_HOME=Path(made) / "placard", profile="embedded", cache_l2_url="", cache_regional_url="")
        timed = reads(settings, times)
        without, cached = median(timed.without), median(timed.cached)
        figures += [
            Figure("user_read_p50_us", without * 1e6, "us"),
            Figure("user_read_cached_p50_us", cached * 1e6, "us"),
            Figure("cached_over_without_p50", cached / without, "x", f"<= {HALF:g}", cached <= HALF * without),
        ]
        say("readers beside events")
        stale = stale_reads(Path(made), url, 5 * times)
        figures += [
            Figure("reads_beside_events", float(stale.reads), "reads"),
            Figure("events", float(stale.events), "events"),
            Figure("stale_reads", float(stale.stale), "reads", "= 0", stale.stale == 0),
        ]
        say("queries and texts")
        figures += [Figure(name, value, "us") for name, value in texts(Path(made) / "snapshots", url, times // 4).items()]
        for exponent in EXPONENTS:
            found = ratios(trial, exponent, url, say)
            for level, predicted, measured in zip(("l1", "l2"), found.predicted, found.measured, strict=True):
                name, off = f"zipf_{exponent:g}_{level}", abs(predicted - measured) * 100
                figures += [
                    Figure(f"{name}_predicted", predicted, "share"),
                    Figure(f"{name}_measured", measured, "share"),
                    Figure(f"{name}_off", off, "points", f"<= {POINTS:g}", off <= POINTS),
                ]
    setup = {
        "users": trial.users, "requests_a_second": trial.rate, "workers": trial.workers, "l1_rows": trial.near_rows,
        "l1_seconds": trial.near_seconds, "l2_rows": trial.far_rows, "l2_seconds": trial.far_seconds, "counted_seconds": trial.seconds,
        "zipf_exponents": list(EXPONENTS),
    }  # fmt: skip
    return report("cache", setup, figures)
