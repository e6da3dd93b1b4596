"""`bench features`: a day's build beside the same work in hand-written SQL, how it grows, and the point-in-time join of labels."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd

from feature_repo.home import Home
from feature_repo.literal_path import literal_path
from feature_repo.table import EVENT_TIME, FeatureTable
from feature_repo.tables import TABLES
from feature_repo.whole_file import move_in
from pipelines.bench.features.by_hand import by_hand
from pipelines.bench.features.event_log import ACTIVITY_PER_IMPRESSION, DAYS, IMPRESSIONS_PER_AD, IMPRESSIONS_PER_USER, LAST, write_log
from pipelines.datasets.point_in_time import features_at
from pipelines.features.build import build
from pipelines.reporting.figure import Figure, report
from serving.settings import Settings

SIZES: Final = (1_000_000, 2_000_000, 4_000_000)
LABELS: Final = 1_000_000
PUBLISHED: Final = 2
"""Days of features that the labels are joined to."""
MOST_OVER: Final = 1.3
MOST_OVER_ASOF: Final = 3
MOST_JOIN_MIB: Final = 2_048
MOST_GROWTH: Final = 1.05
COMPARED: Final = tuple(t for t in TABLES if t.build is not None and not {"query_keys", "thing_codes"} & {*t.reads})
"""Tables that SQL alone can make; the embeddings are a model's, and queries are known by the stems of their words, actions by hashes."""
VERDICT: Final = {None: "", True: "holds", False: "MISSED"}


def ours(root: Path, threads: int) -> None:
    """The day's tables as `placard features build` makes them: expression, engine, sort, stamp, file."""
    for table in COMPARED:
        build(Home(root), table, LAST, threads)


def theirs(root: Path, threads: int) -> None:
    """The same tables as one SQL statement each, written by DuckDB itself."""
    for table in COMPARED:
        by_hand(Home(root), table, LAST, root / "by_hand" / f"{table.name}.parquet", threads)


def in_turn(calls: list[Callable[[], None]], rounds: int) -> np.ndarray:
    """Seconds by the clock and of all cores, shape (2, rounds, calls). A round makes every call once: noise troubles all alike."""
    calls[0]()  # imports and caches
    seconds = np.empty((2, rounds, len(calls)))
    for i in range(rounds):
        for j, call in enumerate(calls):
            started, worked = time.perf_counter(), time.process_time()
            call()
            seconds[:, i, j] = time.perf_counter() - started, time.process_time() - worked
    return seconds


def peak_mib(work: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    """What `work` gives in a fresh process, and the most memory that process held."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args).result(), pool.submit(_high_water).result()


def _high_water() -> float:
    """From /proc, since what getrusage says begins at the parent's size."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def labelled(labels: int, impressions: int) -> pd.DataFrame:
    """Rows to join features to, one in a hundred of them twice: user_id, creative_id, ts."""
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
    return pd.concat([frame, frame.iloc[: labels // 100]], ignore_index=True)


def point_in_time(root: Path, labels: int, impressions: int) -> tuple[int, float]:
    """Rows that come out of the join, and its seconds: through Feast, with defaults filled in."""
    frame = labelled(labels, impressions)
    started = time.perf_counter()
    found = features_at(Settings(home_path=root), frame)
    return len(next(iter(found.values()))), time.perf_counter() - started


def asof_by_hand(root: Path, labels: int, impressions: int, threads: int) -> tuple[int, float]:
    """The same with a plain ASOF join of DuckDB for each table, results in Arrow."""
    frame = labelled(labels, impressions).assign(query_key="")
    started = time.perf_counter()
    with duckdb.connect(config={"threads": threads}) as con:
        con.register("frame", frame)
        con.sql("create temp table labels as from frame")
        joined = [con.sql(_asof(Home(root), table)).to_arrow_table() for table in TABLES]
    return min(map(len, joined)), time.perf_counter() - started


def _asof(home: Home, table: FeatureTable) -> str:
    names = ", ".join(f's."{name}"' for name in table.names)
    rows = f"read_parquet('{literal_path(home.features(table.name))}/*/part.parquet', hive_partitioning = false)"
    same = f"l.{table.entity} = s.{table.entity} and epoch_us(l.ts) >= epoch_us(s.{EVENT_TIME})"
    return f"select {names} from labels l asof left join {rows} s on {same}"


def _publish(home: Home, threads: int) -> None:
    """Every table's newest days where Feast reads them; no check, no online store: the join alone is measured."""
    for number in range(PUBLISHED):
        for table in TABLES:
            staged = build(home, table, LAST - timedelta(days=number), threads)
            target = home.feature_partition(table.name, LAST - timedelta(days=number))
            target.parent.mkdir(parents=True, exist_ok=True)
            move_in(staged, target, synced=False)


def run(sizes: tuple[int, ...] = SIZES, labels: int = LABELS, rounds: int = 5, threads: int = 2) -> dict[str, Any]:
    """Every figure of `bench features`: both ways read the same files in the same run, on as many threads."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as place:
        roots = [Path(place) / str(size) for size in sizes]
        rows = [sum(write_log(Home(root), size).values()) for root, size in zip(roots, sizes, strict=True)]
        calls: list[Callable[[], None]] = [partial(way, root, threads) for root in roots for way in (ours, theirs)]
        seconds, worked = in_turn(calls, rounds).reshape(2, rounds, len(sizes), 2)
        for i, size in enumerate(sizes):
            tag, (mine, hand) = _short(size), np.median(seconds[:, i], axis=0)
            over = float(np.median(seconds[:, i, 0] / seconds[:, i, 1]))
            figures += [
                Figure(f"build_seconds_{tag}", float(mine), "s"),
                Figure(f"duckdb_seconds_{tag}", float(hand), "s"),
                Figure(f"over_duckdb_{tag}", over, "ratio", f"≤ {MOST_OVER}", over <= MOST_OVER),
                Figure(f"over_duckdb_cpu_{tag}", float(np.median(worked[:, i, 0] / worked[:, i, 1])), "ratio"),
                Figure(f"rows_per_s_{tag}", rows[i] / float(mine), "rows/s"),
                Figure(f"build_peak_mib_{tag}", peak_mib(ours, roots[i], threads)[1], "MiB"),
                Figure(f"duckdb_peak_mib_{tag}", peak_mib(theirs, roots[i], threads)[1], "MiB"),
            ]
        if len(sizes) > 1:
            slope = float(np.median([np.polyfit(np.log(sizes), np.log(one), 1)[0] for one in seconds[:, :, 0]]))
            figures.append(Figure("growth_exponent", slope, "exponent", f"≤ {MOST_GROWTH}", slope <= MOST_GROWTH))
        _publish(Home(roots[0]), threads)
        (out, took), peak = peak_mib(point_in_time, roots[0], labels, sizes[0])
        _, plain = peak_mib(asof_by_hand, roots[0], labels, sizes[0], threads)[0]
        figures += [
            Figure("join_rows_in", labels, "rows"),
            Figure("join_rows_out", out, "rows", f"= {labels}", out == labels),
            Figure("join_seconds", took, "s"),
            Figure("join_rows_per_s", labels / took, "rows/s"),
            Figure("join_peak_mib", peak, "MiB", f"≤ {MOST_JOIN_MIB:,}", peak <= MOST_JOIN_MIB),
            Figure("asof_seconds", plain, "s"),
            Figure("join_over_asof", took / plain, "ratio", f"≤ {MOST_OVER_ASOF}", took / plain <= MOST_OVER_ASOF),
        ]
    setup = {
        "impressions": sizes, "activity_per_impression": ACTIVITY_PER_IMPRESSION, "days": DAYS, "rounds": rounds, "threads": threads,
        "tables": [t.name for t in COMPARED], "statistic": "median of rounds, ratios within a round",
        "joined_tables": [t.name for t in TABLES],
    }  # fmt: skip
    return report("bench features", setup, figures)


def _short(n: int) -> str:
    return f"{n // 1_000_000}m" if n >= 1_000_000 and n % 1_000_000 == 0 else f"{math.floor(n / 1_000)}k"


def as_text(result: dict[str, Any]) -> list[str]:
    """One line a figure."""
    return [f"{f['name']:<26} {f['value']:>14,.3f} {f['unit']:<8} {f['target'] or '':<10} {VERDICT[f['holds']]}" for f in result["figures"]]
