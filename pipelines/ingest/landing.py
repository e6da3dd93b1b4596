"""Rows into the event and catalogue tables: each lands once, whichever log brings it again, and the files are canonical.

A partition's file is sorted by (created_ts, key) and written by one writer, so the same set of rows gives the same bytes in
whatever order and however often it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feature_repo import catalog, events
from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from pipelines.ingest.format import ROW

SCHEMAS: Final = {**events.EVENTS, **catalog.CATALOG}
KNOWN: Final = "created_ts"
KEYS: Final[dict[str, tuple[str, ...]]] = {name: (key,) for name, key in {**events.KEYS, **catalog.KEYS}.items()} | {
    "affinities": ("impression_id", "creative_id"),
    "friendships": ("user_id", "friend_id"),
    "landing_pages": ("landing_url", KNOWN),  # every reading of a page stays
}


def _file(home: Home, name: str, day: date, source: str) -> Path:
    return home.partition(name, day) / f"{source}.parquet"


def _keys(name: str, table: pa.Table) -> pd.Series:
    first, *more = (table[c].cast(pa.string()).to_pandas() for c in KEYS[name])
    return pd.Series(first.str.cat(more, sep="\x1f") if more else first)


def _write(path: Path, name: str, table: pa.Table) -> None:
    """Replaces a partition's file; an empty table removes it."""
    if len(table) == 0:
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
        return
    ordered = table.sort_by([(KNOWN, "ascending"), *((k, "ascending") for k in KEYS[name])])
    write_partition(ordered.combine_chunks(), path)


def _read(path: Path, name: str) -> pa.Table:
    """A partition's file in the table's own schema: Parquet names the elements of lists otherwise."""
    schema = SCHEMAS[name]
    return pq.read_table(path, partitioning=None).cast(schema) if path.exists() else schema.empty_table()


def _days(table: pa.Table) -> NDArray[np.object_]:
    return np.asarray(pc.cast(table[KNOWN], pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]").astype(object))


def land_events(home: Home, source: str, tables: Mapping[str, pa.Table]) -> dict[str, NDArray[np.int64]]:
    """Appends the rows whose key is new to their day's partition; gives, per table, the ROW of each row that was new."""
    landed: dict[str, NDArray[np.int64]] = {}
    for name, table in tables.items():
        days, new = _days(table), np.zeros(len(table), bool)
        for day in sorted(set(days)):
            path, at = _file(home, name, day, source), np.flatnonzero(days == day)
            batch = table.take(pa.array(at))
            present = _read(path, name)
            keys = _keys(name, batch)
            fresh = ~(keys.isin(_keys(name, present)) | keys.duplicated()).to_numpy()
            if fresh.any():
                rows = batch.filter(pa.array(fresh)).select(SCHEMAS[name].names).cast(SCHEMAS[name])
                _write(path, name, pa.concat_tables([present, rows]))
                new[at[fresh]] = True
        landed[name] = table[ROW].to_numpy()[new]
    return landed


def earliest(name: str, tables: Sequence[pa.Table]) -> pa.Table:
    """One row a key: the earliest known, the first given among equals. A ROW column stays."""
    table = pa.concat_tables(tables)
    order = np.argsort(table[KNOWN].cast(pa.int64()).to_numpy(), kind="stable")
    table = table.take(pa.array(order))
    return table.filter(pa.array(~_keys(name, table).duplicated().to_numpy(dtype=bool)))


def land_seen(home: Home, source: str, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Keeps one row a key and source: the earliest. A log that begins earlier moves the row to its earlier day.

    Gives, per table, the rows whose key was new.
    """
    added = {}
    for name, table in tables.items():
        schema, rows = SCHEMAS[name], earliest(name, [table])
        known: dict[str, date] = {}
        when: dict[str, pd.Timestamp] = {}
        for day in home.days(name):
            held = _read(_file(home, name, day, source), name)
            keys = _keys(name, held)
            known.update(dict.fromkeys(keys, day))
            when.update(zip(keys, held[KNOWN].to_pandas(), strict=True))
        keys, created, days = _keys(name, rows), rows[KNOWN].to_pandas(), _days(rows)
        fresh = np.array([k not in when or t < when[k] for k, t in zip(keys, created, strict=True)], dtype=bool)
        moved = {k: known[k] for k in keys[fresh] if k in known}
        for day in sorted({*days[fresh], *moved.values()}):
            path = _file(home, name, day, source)
            held = _read(path, name)
            gone = _keys(name, held).isin([k for k, d in moved.items() if d == day]).to_numpy(dtype=bool)
            coming = rows.filter(pa.array(fresh & (days == day))).select(schema.names).cast(schema)
            _write(path, name, pa.concat_tables([held.filter(pa.array(~gone)), coming]))
        added[name] = rows.filter(pa.array(~keys.isin(list(known)).to_numpy(dtype=bool)))
    return added
