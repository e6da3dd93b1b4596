"""Rows into the event and catalogue tables: each lands once, whichever log brings it again, and the files are canonical.

A partition's file is sorted by (created_ts, key) and written by one writer, so the same set of rows gives the same bytes in
whatever order and however often it arrives. A key stands once over all days of a source: an event that comes again with other content
is a correction, which takes the place of the row before; that row is kept under replaced/, and no longer counts when it comes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
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
from pipelines.ingest.whereabouts import Whereabouts

SCHEMAS: Final = {**events.EVENTS, **catalog.CATALOG}
KNOWN: Final = "created_ts"
KEYS: Final[dict[str, tuple[str, ...]]] = {name: (key,) for name, key in {**events.KEYS, **catalog.KEYS}.items()} | {
    "affinities": ("impression_id", "creative_id"),
    "friendships": ("user_id", "friend_id"),
    "landing_pages": ("landing_url", KNOWN),  # every reading of a page stays
}


@dataclass(frozen=True)
class Landed:
    """The ROW of each row that brought something. fresh: its key was new. corrected: it took the place of another row of its key."""

    fresh: NDArray[np.int64]
    corrected: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.concatenate([self.fresh, self.corrected])


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


def whereabouts(home: Home, name: str, source: str) -> Whereabouts:
    """Of every key that a source has in a table."""
    found = Whereabouts()
    for day in home.days(name):
        if (path := _file(home, name, day, source)).exists():
            found.put(day, _keys(name, pq.read_table(path, columns=list(KEYS[name]), partitioning=None)))
    return found


def land_events(home: Home, source: str, tables: Mapping[str, pa.Table], places: dict[str, Whereabouts] | None = None) -> dict[str, Landed]:
    """Puts the rows into their day's partition. A key that is there with the same content, or whose content was corrected before, brings
    nothing; with other content it replaces what is there.

    places: where the keys of each table lie, for a caller who lands several batches; it is filled and kept up to date. A death half-way
    leaves a correction's old row under replaced/ alone or the new one in its place; the same rows landed again end the same.
    """
    places, landed = {} if places is None else places, {}
    for name, table in tables.items():
        if name not in places:
            places[name] = whereabouts(home, name, source)
        table = earliest(name, [table])
        stays, corrected = _replace(home, source, name, table, places[name])
        rows, days, fresh = table.select(SCHEMAS[name].names).cast(SCHEMAS[name]), _days(table), ~stays
        for day in sorted(set(days[fresh])):
            path, coming = _file(home, name, day, source), fresh & (days == day)
            whole = pa.concat_tables([_read(path, name), rows.filter(pa.array(coming))])
            _write(path, name, whole)
            places[name].put(day, _keys(name, whole))
        number = table[ROW].to_numpy()
        landed[name] = Landed(number[fresh & ~corrected], number[fresh & corrected])
    return landed


def _replace(home: Home, source: str, name: str, table: pa.Table, place: Whereabouts) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Takes the rows that are corrected out of their partitions, into replaced/. Of each given row: whether its key stays as it is there;
    whether it is a correction."""
    keys, stays, corrected = _keys(name, table), np.zeros(len(table), bool), np.zeros(len(table), bool)
    for day, at in place.days(keys).items():
        path = _file(home, name, day, source)
        present = _read(path, name)
        where = pd.Index(_keys(name, present)).get_indexer(keys.iloc[at])
        at, where = at[where >= 0], where[where >= 0]
        stays[at] = True
        other = ~_same(table.take(pa.array(at)), present.take(pa.array(where)))
        at, where = at[other], where[other]
        history = home.replaced(name, day) / f"{source}.parquet"
        before = _before(home, name, source, set(keys.iloc[at]))
        again = np.array([any(_same(table.slice(i, 1), row)[0] for row in before.get(keys.iloc[i], [])) for i in at], bool)
        at, where = at[~again], where[~again]
        if len(at) == 0:
            continue
        _write(history, name, pa.concat_tables([_read(history, name), present.take(pa.array(where))]))
        rest = present.filter(pa.array(~np.isin(np.arange(len(present)), where)))
        _write(path, name, rest)
        place.put(day, _keys(name, rest))
        stays[at], corrected[at] = False, True
    return stays, corrected


def _before(home: Home, name: str, source: str, keys: set[str]) -> dict[str, list[pa.Table]]:
    """What stood under some keys before it was corrected, a table of one row each."""
    found: dict[str, list[pa.Table]] = {}
    if not keys:
        return found
    for path in sorted((home.root / "replaced" / name).glob("day=*")):
        held = _read(path / f"{source}.parquet", name)
        for i, key in enumerate(_keys(name, held)):
            if key in keys:
                found.setdefault(key, []).append(held.slice(i, 1))
    return found


def _same(one: pa.Table, other: pa.Table) -> NDArray[np.bool_]:
    """Whether each row of one is the other's row at its place, in all columns of the table."""

    def column(name: str) -> NDArray[np.bool_]:
        a, b = one[name].cast(other.schema.field(name).type), other[name]
        neither = pc.and_(pc.is_null(a, nan_is_null=True), pc.is_null(b, nan_is_null=True))
        return np.asarray(pc.or_(pc.fill_null(pc.equal(a, b), False), neither).to_numpy(), bool)

    return reduce(np.logical_and, (column(name) for name in other.column_names), np.ones(len(one), bool))


def earliest(name: str, tables: Sequence[pa.Table]) -> pa.Table:
    """One row a key, by key: the earliest known; of those that were known at one moment the first by content, whatever order they came in.
    A ROW column stays, and decides between rows that are alike."""
    table = pa.concat_tables(tables)
    keys = _keys(name, table)
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


def land_seen(home: Home, source: str, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Keeps one row a key and source: the earliest. A log that begins earlier moves the row to its earlier day.

    Gives, per table, the rows whose key was new.
    """
    added = {}
    for name, table in tables.items():
        schema = SCHEMAS[name]
        held = {day: _read(_file(home, name, day, source), name) for day in home.days(name)}
        rows = earliest(name, [table])
        known = pd.concat([_keys(name, part) for part in held.values()]) if held else pd.Series(dtype=object)
        coming = rows.select(schema.names).cast(schema)
        whole = earliest(name, [*held.values(), coming])
        days = _days(whole)
        for day in sorted({*days, *(d for d, part in held.items() if len(part))}):
            part = whole.filter(pa.array(days == day))
            before = held.get(day, schema.empty_table())
            order = [(KNOWN, "ascending"), *((k, "ascending") for k in KEYS[name])]
            if not part.sort_by(order).equals(before.sort_by(order)):
                _write(_file(home, name, day, source), name, part)
        added[name] = rows.filter(pa.array(~_keys(name, rows).isin(known).to_numpy(dtype=bool)))
    return added
