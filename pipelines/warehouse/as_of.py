"""Event and catalogue tables as they were known at a moment, as Ibis expressions on DuckDB or Spark."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from feature_repo import catalog, events
from feature_repo.engine_function import engine_function
from feature_repo.home import Home
from feature_repo.instants import instant
from feature_repo.literal_path import literal_path, literal_path_in_spark
from pipelines.warehouse.moved_days import require_warm

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis import BaseBackend


SCHEMAS = {**events.EVENTS, **catalog.CATALOG}
STATES = {**catalog.KEYS, "users": events.KEYS["users"]}
"""Tables kept as an upsert log: the state as of T is the latest row of each key."""


def connect(threads: int = 2, memory: str = "4GB") -> BaseBackend:
    """An in-process DuckDB. It draws no progress bar: a verb's standard output is for its result."""
    import ibis

    con = ibis.duckdb.connect(threads=threads, memory_limit=memory)
    con.con.execute("SET enable_progress_bar = false")
    return con


def naive(con: BaseBackend, t: ir.Table) -> ir.Table:
    """The table with its instants as UTC timestamps without a zone: all engines agree on those, and DuckDB needs no extension for time
    zones. On DuckDB they are converted through whole microseconds, which takes an eighth of the time of its cast, which asks the calendar
    for every row."""
    plain = in_duckdb if con.name == "duckdb" else (lambda moment: moment.cast("timestamp"))
    return t.mutate(**{name: plain(t[name]) for name, kind in t.schema().items() if kind.is_timestamp()})


def in_duckdb(moment: ir.TimestampValue) -> ir.TimestampValue:
    """The moment without its zone."""
    return engine_function("make_timestamp", "int64", "timestamp")(engine_function("epoch_us", "timestamp('UTC')", "int64")(moment))


def scan(con: BaseBackend, files: Sequence[Path]) -> ir.Table:
    """The files as one table. Ibis gives Spark one path at a time."""
    if con.name != "pyspark":
        return con.read_parquet([literal_path(f) for f in files], hive_partitioning=False)
    paths = [literal_path_in_spark(f) for f in files]
    view = f"scan_{hashlib.sha256(' '.join(paths).encode()).hexdigest()[:16]}"
    con._session.read.parquet(*paths).createOrReplaceTempView(view)
    return con.table(view)


def files_known(home: Home, name: str, as_of: datetime, window_days: int | None = None) -> list[Path]:
    """The files of the partitions that can hold rows known before `as_of`, within a window of days when one is given."""
    last = (as_of - timedelta(microseconds=1)).date()
    return home.files(name, last - timedelta(days=window_days - 1) if window_days else None, last)


def as_of_table(con: BaseBackend, home: Home, name: str, as_of: datetime, window_days: int | None = None) -> ir.Table:
    """Rows of `name` with created_ts < as_of, and within the window when one is given; the latest row per key of a state table.

    Reads only the partitions that can hold such rows. A table without any gives an empty one of the right schema. Raises Missing where days
    within the window lie in the cold tier.
    """
    import ibis

    if window_days:
        last = (as_of - timedelta(microseconds=1)).date()
        require_warm(home, name, last - timedelta(days=window_days - 1), last)
    files = files_known(home, name, as_of, window_days)
    if not files:
        return naive(con, ibis.memtable(SCHEMAS[name].empty_table()))
    t = naive(con, scan(con, files))
    t = t.filter(t.created_ts < instant(as_of))
    if name in STATES:
        newest = ibis.row_number().over(group_by=STATES[name], order_by=[ibis.desc(t.created_ts), t.source])
        t = t.mutate(newest=newest).filter(lambda x: x.newest == 0).drop("newest")
    return t
