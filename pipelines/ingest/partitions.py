"""The partitions of the event and catalogue tables: where a source's rows lie, by what they are known, and how they are read and written.

A partition's file is sorted by (created_ts, key) and written by one writer, so the same rows give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from pipelines.errors import Refused
from pipelines.ingest.format import ROW
from pipelines.warehouse.moved_days import cold_days

SCHEMAS: Final = {**events.EVENTS, **catalog.CATALOG}
KNOWN: Final = "created_ts"
KEYS: Final[dict[str, tuple[str, ...]]] = {name: (key,) for name, key in {**events.KEYS, **catalog.KEYS}.items()} | {
    "affinities": ("impression_id", "creative_id"),
    "friendships": ("user_id", "friend_id"),
    "landing_pages": ("landing_url", KNOWN),  # every reading of a page stays
}


def file_of(home: Home, name: str, day: date, source: str) -> Path:
    """Where a source's rows of a day lie."""
    return home.partition(name, day) / f"{source}.parquet"


def readable(home: Home, name: str, source: str) -> dict[date, Path]:
    """Where a source's rows are read, by day: also in the cold tier, for days that were moved there."""
    warm = {day: file_of(home, name, day, source) for day in home.days(name)}
    cold = {day: folder / f"{source}.parquet" for day, folder in cold_days(home, name).items()}
    return {day: path for day, path in sorted({**cold, **warm}.items()) if path.exists()}


def refuse_cold(home: Home, name: str, days: Iterable[date]) -> None:
    """Raises Refused where rows would be written into a day that lies in the cold tier: its other rows would be missing beside them."""
    if found := sorted({*days} & {*cold_days(home, name)}):
        fix = (
            f"These days of {name} lie in the cold tier: bring each back with `placard retention restore --partition DAY`, then come again."
        )
        raise Refused("old day", ", ".join(map(str, found)), fix)


def keys_of(name: str, table: pa.Table) -> pd.Series:
    """Each row's key, shape (n,)."""
    first, *more = (table[c].cast(pa.string()).to_pandas() for c in KEYS[name])
    return pd.Series(first.str.cat(more, sep="\x1f") if more else first)


def write_rows(path: Path, name: str, table: pa.Table) -> None:
    """Replaces a partition's file; an empty table removes it."""
    if len(table) == 0:
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
        return
    ordered = table.sort_by([(KNOWN, "ascending"), *((k, "ascending") for k in KEYS[name])])
    write_partition(ordered.combine_chunks(), path)


def read_rows(path: Path, name: str) -> pa.Table:
    """A partition's file in the table's own schema: Parquet names the elements of lists otherwise."""
    schema = SCHEMAS[name]
    return pq.read_table(path, partitioning=None).cast(schema) if path.exists() else schema.empty_table()


def days_of(table: pa.Table) -> NDArray[np.object_]:
    """The day on which each row became known, as a date, shape (n,)."""
    return np.asarray(pc.cast(table[KNOWN], pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]").astype(object))


def earliest(name: str, tables: Sequence[pa.Table]) -> pa.Table:
    """One row a key, by key: the earliest known; of those that were known at one moment the first by content, whatever order they came in.
    A ROW column stays, and decides between rows that are alike."""
    table = pa.concat_tables(tables)
    keys = keys_of(name, table)
    alone = ~keys.duplicated(keep=False).to_numpy(dtype=bool)
    if alone.all():
        return table
    several = np.flatnonzero(~alone)
    frame = pd.DataFrame({"key": keys.iloc[several].to_numpy(), "known": table[KNOWN].cast(pa.int64()).to_numpy()[several]}, index=several)
    first = frame.groupby("key")["known"].transform("min") == frame["known"]
    frame = frame[first]
    tied = table.take(pa.array(frame.index.to_numpy()))
    content = [c for c in tied.column_names if c not in (KNOWN, ROW)]
    for column in content:
        nested = pa.types.is_nested(tied.schema.field(column).type)
        frame[f"c.{column}"] = (
            [repr(v) for v in tied[column].to_pylist()] if nested else tied[column].cast(pa.string()).to_pandas().to_numpy()
        )
    if ROW in tied.column_names:
        frame["row"] = tied[ROW].to_numpy()
    chosen = frame.sort_values([c for c in frame.columns if c != "known"], kind="stable").drop_duplicates("key").index
    return table.take(pa.array(np.sort(np.concatenate([np.flatnonzero(alone), chosen.to_numpy()]))))
