"""Builds a day's feature tables from the event and catalogue tables, in DuckDB, as of the day's end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.table import FeatureTable, finish
from feature_repo.tables import TABLES
from pipelines.errors import Missing
from pipelines.features.day_inputs import inputs_now, write_inputs
from pipelines.features.embeddings.embed import embed
from pipelines.features.inputs import inputs
from pipelines.warehouse.as_of import SCHEMAS, connect


def build(home: Home, table: FeatureTable, day: date, threads: int = 2, embeddings: str = "factorisation") -> Path:
    """Builds one table's partition into staging. embeddings: what makes the vectors of users and ads (embeddings.PRODUCERS).

    Raises Missing when nothing it reads exists on or before the day."""
    _require_logs(home, table, day)
    read = inputs_now(home, table, day)  # before the build: what changes meanwhile makes the day stale
    path = _built(home, table, day, threads, embeddings)
    for made in TABLES if table.build is None else (table,):  # one run of the model writes all tables of vectors
        if made is table or made.build is None:
            write_inputs(home, made, day, read)
    return path


def _built(home: Home, table: FeatureTable, day: date, threads: int, embeddings: str) -> Path:
    as_of = end_of(day)
    if table.build is None:
        return embed(home, table, day, embeddings)
    con = connect(threads)
    try:
        rows = table.build(inputs(con, home, table, as_of), as_of).to_pyarrow()
    finally:
        con.disconnect()
    return write_partition(finish(table, rows, as_of), home.staged(table.name, day))


def build_each(
    home: Home, tables: Sequence[FeatureTable], day: date, threads: int = 2, embeddings: str = "factorisation"
) -> Iterator[tuple[FeatureTable, Path]]:
    """Builds the tables one after the other as `build` does, and gives each with its partition once it is there. One run of the model
    writes both embedding tables: for the second it is not run again."""
    embedded = False
    for table in tables:
        if table.build is None and embedded:
            _require_logs(home, table, day)
            yield table, home.staged(table.name, day)
        else:
            embedded |= table.build is None
            yield table, build(home, table, day, threads, embeddings)


def _require_logs(home: Home, table: FeatureTable, day: date) -> None:
    """Raises Missing when nothing that the table reads exists on or before the day."""
    if not any(home.days(name, last=day) for name in table.reads if name in SCHEMAS):
        raise Missing(f"input of {table.name}", str(day), "Ingest or simulate logs up to that day first.")
