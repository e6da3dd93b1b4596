"""`bench features`: a day's build beside the same work in hand-written SQL, how it grows, and the point-in-time join of labels."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from feature_repo.sources import Home
from feature_repo.tables import TABLES
from pipelines.bench.by_hand import by_hand
from pipelines.bench.event_log import ACTIVITY_PER_IMPRESSION, DAYS, IMPRESSIONS_PER_AD, IMPRESSIONS_PER_USER, LAST, write_log
from pipelines.build import build
from pipelines.cli.output import Figure, report
from pipelines.dataset import features_at
from serving.settings import Settings

SIZES: Final = (1_000_000, 2_000_000, 4_000_000)
LABELS: Final = 1_000_000
PUBLISHED: Final = 2
"""Days of features that the labels are joined to."""
MOST_OVER: Final = 1.3
MOST_GROWTH: Final = 1.05
COMPARED: Final = tuple(t for t in TABLES if t.build is not None)
"""Tables built by an expression; the embeddings are a model's."""
VERDICT: Final = {None: "", True: "holds", False: "MISSED"}


def ours(root: Path, threads: int) -> None:
    """The day's tables as `placard features build` makes them: expression, engine, sort, stamp, file."""
    for table in COMPARED:
        build(Home(root), table, LAST, threads)


def theirs(root: Path, threads: int) -> None:
    """The same tables as one SQL statement each, written by DuckDB itself."""
    for table in COMPARED:
        by_hand(Home(root), table, LAST, root / "by_hand" / f"{table.name}.parquet", threads)


def in_turn(calls: list[Callable[[], None]], rounds: int) -> list[float]:
    """Median seconds of each call; rounds are interleaved so that a noisy neighbour troubles all alike. The first is a warm-up."""
    seconds = np.empty((rounds + 1, len(calls)))
    for i in range(rounds + 1):
        for j, call in enumerate(calls):
            started = time.perf_counter()
            call()
            seconds[i, j] = time.perf_counter() - started
    return [float(m) for m in np.median(seconds[1:], axis=0)]


def peak_mib(work: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    """What `work` gives in a fresh process, and the most memory that process held."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args).result(), pool.submit(_high_water).result()


def _high_water() -> float:
    """From /proc, since what getrusage says begins at the parent's size."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def point_in_time(root: Path, labels: int, impressions: int) -> tuple[int, float]:
    """Rows that come out of the join of `labels` rows, one in a hundred of them twice, and its seconds."""
    rng = np.random.default_rng(5)
    one = labels - labels // 100
    users, ads = max(impressions // IMPRESSIONS_PER_USER, 50), max(impressions // IMPRESSIONS_PER_AD, 40)
    start = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC) - timedelta(days=PUBLISHED - 2)
    frame = pd.DataFrame(
        {
            "user_id": np.char.add("u", np.char.zfill(rng.integers(0, users, one).astype(str), 8)).astype(object),
            "creative_id": np.char.add("c", np.char.zfill(rng.integers(0, ads, one).astype(str), 8)).astype(object),
            "ts": pd.Timestamp(start).tz_localize(None) + pd.to_timedelta(rng.integers(0, PUBLISHED * 86_400, one), unit="s"),
        }
    )
    frame = pd.concat([frame, frame.iloc[: labels // 100]], ignore_index=True)
    started = time.perf_counter()
    found = features_at(Settings(home_path=root), frame)
    return len(next(iter(found.values()))), time.perf_counter() - started


def _publish(home: Home, threads: int) -> None:
    """Every table's newest days where Feast reads them; no check, no online store: the join alone is measured."""
    for number in range(PUBLISHED):
        for table in TABLES:
            staged = build(home, table, LAST - timedelta(days=number), threads)
            target = home.feature_partition(table.name, LAST - timedelta(days=number))
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(target)


def run(sizes: tuple[int, ...] = SIZES, labels: int = LABELS, rounds: int = 5, threads: int = 2) -> dict[str, Any]:
    """Every figure of `bench features`: both ways read the same files in the same run, on as many threads."""
    figures: list[Figure] = []
    medians: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        for size in sizes:
            root, tag = Path(place) / str(size), _short(size)
            counts = write_log(Home(root), size)
            mine, hand = in_turn([lambda r=root: ours(r, threads), lambda r=root: theirs(r, threads)], rounds)  # type: ignore[misc]
            medians.append(mine)
            over = mine / hand
            figures += [
                Figure(f"build_seconds_{tag}", mine, "s"),
                Figure(f"duckdb_seconds_{tag}", hand, "s"),
                Figure(f"over_duckdb_{tag}", over, "ratio", f"≤ {MOST_OVER}", over <= MOST_OVER),
                Figure(f"rows_per_s_{tag}", sum(counts.values()) / mine, "rows/s"),
                Figure(f"build_peak_mib_{tag}", peak_mib(ours, root, threads)[1], "MiB"),
                Figure(f"duckdb_peak_mib_{tag}", peak_mib(theirs, root, threads)[1], "MiB"),
            ]
        if len(sizes) > 1:
            slope = float(np.polyfit(np.log(sizes), np.log(medians), 1)[0])
            figures.append(Figure("growth_exponent", slope, "exponent", f"≤ {MOST_GROWTH}", slope <= MOST_GROWTH))
        root = Path(place) / str(sizes[0])
        _publish(Home(root), threads)
        (out, seconds), peak = peak_mib(point_in_time, root, labels, sizes[0])
        figures += [
            Figure("join_rows_in", labels, "rows"),
            Figure("join_rows_out", out, "rows", f"= {labels}", out == labels),
            Figure("join_seconds", seconds, "s"),
            Figure("join_rows_per_s", labels / seconds, "rows/s"),
            Figure("join_peak_mib", peak, "MiB"),
        ]
    setup = {
        "impressions": sizes, "activity_per_impression": ACTIVITY_PER_IMPRESSION, "days": DAYS, "rounds": rounds, "threads": threads,
        "tables": [t.name for t in COMPARED], "statistic": "median of interleaved rounds", "joined_tables": [t.name for t in TABLES],
    }  # fmt: skip
    return report("bench features", setup, figures)


def _short(n: int) -> str:
    return f"{n // 1_000_000}m" if n >= 1_000_000 and n % 1_000_000 == 0 else f"{math.floor(n / 1_000)}k"


def as_text(result: dict[str, Any]) -> list[str]:
    """One line a figure."""
    return [f"{f['name']:<26} {f['value']:>14,.3f} {f['unit']:<8} {f['target'] or '':<10} {VERDICT[f['holds']]}" for f in result["figures"]]
