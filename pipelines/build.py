"""Builds a day's feature tables from the event and catalogue tables, in DuckDB, as of the day's end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from feature_repo import catalog, events
from feature_repo.days import end_of
from feature_repo.engine_function import engine_function
from feature_repo.home import Home
from feature_repo.instants import instant
from feature_repo.partition_file import write_partition
from feature_repo.table import CREATED_TIME, EVENT_TIME, FeatureTable
from feature_repo.tables import TABLES
from feature_repo.text import hash_codes, query_key
from pipelines.errors import Missing
from pipelines.images import image_stats

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis import BaseBackend

SCHEMAS = {**events.EVENTS, **catalog.CATALOG}
STATES = {**catalog.KEYS, "users": events.KEYS["users"]}
"""Tables kept as an upsert log: the state as of T is the latest row of each key."""


def connect(threads: int = 2, memory: str = "4GB") -> BaseBackend:
    """An in-process DuckDB."""
    import ibis

    return ibis.duckdb.connect(threads=threads, memory_limit=memory)


def naive(con: BaseBackend, t: ir.Table) -> ir.Table:
    """Instants as plain UTC timestamps: engines agree on those, and DuckDB needs no time-zone extension for them.

    DuckDB's cast of an instant asks its calendar for every row; through whole microseconds the same takes an eighth."""
    plain = in_duckdb if con.name == "duckdb" else (lambda moment: moment.cast("timestamp"))
    return t.mutate(**{name: plain(t[name]) for name, kind in t.schema().items() if kind.is_timestamp()})


def in_duckdb(moment: ir.TimestampValue) -> ir.TimestampValue:
    """The moment without its zone."""
    return engine_function("make_timestamp", "int64", "timestamp")(engine_function("epoch_us", "timestamp('UTC')", "int64")(moment))


def scan(con: BaseBackend, files: Sequence[Path]) -> ir.Table:
    """The files as one table. Ibis gives Spark one path at a time."""
    paths = [str(f) for f in files]
    if con.name != "pyspark":
        return con.read_parquet(paths, hive_partitioning=False)
    view = f"scan_{hashlib.sha256(' '.join(paths).encode()).hexdigest()[:16]}"
    con._session.read.parquet(*paths).createOrReplaceTempView(view)
    return con.table(view)


def files_known(home: Home, name: str, as_of: datetime, window_days: int | None = None) -> list[Path]:
    """The files of the partitions that can hold rows known before `as_of`, within a window of days when one is given."""
    last = (as_of - timedelta(microseconds=1)).date()
    return home.files(name, last - timedelta(days=window_days - 1) if window_days else None, last)


def as_of_table(con: BaseBackend, home: Home, name: str, as_of: datetime, window_days: int | None = None) -> ir.Table:
    """Rows of `name` with created_ts < as_of, and within the window when one is given; the latest row per key of a state table.

    Reads only the partitions that can hold such rows. A table without any gives an empty one of the right schema.
    """
    import ibis

    files = files_known(home, name, as_of, window_days)
    if not files:
        return naive(con, ibis.memtable(SCHEMAS[name].empty_table()))
    t = naive(con, scan(con, files))
    t = t.filter(t.created_ts < instant(as_of))
    if name in STATES:
        newest = ibis.row_number().over(group_by=STATES[name], order_by=[ibis.desc(t.created_ts), t.source])
        t = t.mutate(newest=newest).filter(lambda x: x.newest == 0).drop("newest")
    return t


def inputs(con: BaseBackend, home: Home, table: FeatureTable, as_of: datetime) -> Mapping[str, ir.Table]:
    """What a table's build reads, by name."""
    import ibis

    found = {}
    for name in table.reads:
        if name == "image_stats":
            pictures = as_of_table(con, home, "creatives", as_of).select("image_path").distinct().to_pyarrow()
            found[name] = ibis.memtable(image_stats(home, sorted(p or "" for p in pictures["image_path"].to_pylist())))
        elif name == "query_keys":
            texts = as_of_table(con, home, "queries", as_of, table.window_days).select("text").distinct().to_pyarrow()
            found[name] = ibis.memtable(keys_of(sorted(t for t in texts["text"].to_pylist() if t)))
        elif name == "thing_codes":
            seen = [
                as_of_table(con, home, t, as_of, table.window_days)[c] for t, c in (("activity", "item_id"), ("engagements", "creative_id"))
            ]
            things = {thing for column in seen for thing in column.as_table().distinct().to_pyarrow()[0].to_pylist() if thing}
            found[name] = ibis.memtable(codes_of(sorted(things)))
        else:
            found[name] = as_of_table(con, home, name, as_of, None if name in STATES else table.window_days)
    return found


def keys_of(texts: Sequence[str]) -> pa.Table:
    """The key that each text is known by in feature tables of queries."""
    return pa.table({"text": pa.array(texts, pa.string()), "query_key": pa.array([query_key(t) for t in texts], pa.string())})


def codes_of(things: Sequence[str]) -> pa.Table:
    """The identity code of each item or creative, as rankers know creatives."""
    return pa.table({"thing_id": pa.array(things, pa.string()), "code": pa.array(hash_codes(list(things)), pa.int32())})


def finish(table: FeatureTable, rows: pa.Table, as_of: datetime) -> pa.Table:
    """Rows in the table's schema, sorted by entity, stamped with `as_of`."""
    stamp = pa.array([as_of] * len(rows), events.TIME)
    rows = rows.append_column(EVENT_TIME, stamp).append_column(CREATED_TIME, stamp)
    return rows.select(table.schema.names).cast(table.schema).sort_by(table.entity)


def build(home: Home, table: FeatureTable, day: date, threads: int = 2, embeddings: str = "factorisation") -> Path:
    """Builds one table's partition into staging. embeddings: what makes the vectors of users and ads (embeddings.PRODUCERS).

    Raises Missing when nothing it reads exists on or before the day."""
    as_of = end_of(day)
    if not any(home.days(name, last=day) for name in table.reads if name in SCHEMAS):
        raise Missing(f"input of {table.name}", str(day), "Ingest or simulate logs up to that day first.")
    if table.build is None:
        from pipelines.embeddings import embed

        return embed(home, table, day, embeddings)
    con = connect(threads)
    try:
        rows = table.build(inputs(con, home, table, as_of), as_of).to_pyarrow()
    finally:
        con.disconnect()
    return write_partition(finish(table, rows, as_of), home.staged(table.name, day))


def build_all(home: Home, day: date, threads: int = 2) -> list[Path]:
    """Every table of one day."""
    return [build(home, table, day, threads) for table in TABLES]
