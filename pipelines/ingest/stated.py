"""Rows of users and of the catalogue that somebody states, and those that a log implies.

What is stated holds from its moment on: each row stays, of every key any number, and the state as of T is the latest before it. What is
stated again for the same moment with other content takes the place of what stood there, which moves to `replaced/`: the last delivery
counts.

What a log implies (there is such an ad) lies apart, as the source `<source>-implied`: one row a key, the earliest, and none where something
of its key was stated for that moment or an earlier one. Which of the two came first changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feature_repo.home import Home
from pipelines.ingest.format import ROW
from pipelines.ingest.landing import Landed, land_seen
from pipelines.ingest.partitions import KEYS, KNOWN, SCHEMAS, days_of, file_of, keys_of, read_rows, readable, refuse_cold, write_rows
from pipelines.warehouse.as_of import STATES

IMPLIED: Final = "-implied"
"""Ends the source of implied rows."""


def _moments(name: str, table: pa.Table) -> pd.Series:
    """Of each row its key and since when it holds, as one text."""
    return pd.Series(keys_of(name, table) + "\x1f" + pd.Series(table[KNOWN].cast(pa.int64()).to_numpy()).astype(str))


def _contents(table: pa.Table) -> list[str]:
    return [repr(values) for values in zip(*(table[c].to_pylist() for c in table.column_names), strict=True)]


def land_stated(home: Home, source: str, tables: Mapping[str, pa.Table]) -> dict[str, Landed]:
    """Puts the rows into the days from which they hold. Of rows of one key and moment in a delivery the first by content counts. Raises
    Refused, and lands nothing, where a day lies in the cold tier."""
    for name, table in tables.items():
        refuse_cold(home, name, days_of(table))
    landed = {}
    for name, table in tables.items():
        rows = table.select(SCHEMAS[name].names).cast(SCHEMAS[name])
        frame = pd.DataFrame({"moment": _moments(name, rows), "content": _contents(rows), "day": days_of(rows), ROW: table[ROW].to_numpy()})
        frame = frame.sort_values(["moment", "content", ROW], kind="stable").drop_duplicates("moment").sort_index()
        fresh, corrected = list[int](), list[int]()
        for day in sorted({*frame["day"]}):
            coming = frame[frame["day"] == day]
            path = file_of(home, name, day, source)
            present = read_rows(path, name)
            held = pd.Series(_contents(present), index=_moments(name, present), dtype=object)
            there = held.reindex(coming["moment"])
            new, other = there.isna().to_numpy(), (there.notna() & (there.to_numpy() != coming["content"].to_numpy())).to_numpy()
            fresh += coming.loc[new, ROW].tolist()
            corrected += coming.loc[other, ROW].tolist()
            if not (new | other).any():
                continue
            out = held.index.isin(set(coming.loc[other, "moment"]))
            if out.any():
                before = home.replaced(name, day) / f"{source}.parquet"
                write_rows(before, name, pa.concat_tables([read_rows(before, name), present.filter(pa.array(out))]))
            put = rows.take(pa.array(coming.index.to_numpy()[new | other], pa.int64()))
            write_rows(path, name, pa.concat_tables([present.filter(pa.array(~out)), put]))
        landed[name] = Landed(np.array(fresh, np.int64), np.array(corrected, np.int64))
    return landed


def land_implied(home: Home, source: str, tables: Mapping[str, pa.Table]) -> dict[str, int]:
    """Puts implied rows where nothing was stated yet, and takes away those of which something has been. How many keys of each table are
    new."""
    added = {}
    for name in sorted({*tables, *(name for name in STATES if readable(home, name, source + IMPLIED))}):
        since = _stated_since(home, name, source)
        for path in readable(home, name, source + IMPLIED).values():
            held = read_rows(path, name)
            stands = _stands(name, held, since)
            if not stands.all():
                write_rows(path, name, held.filter(pa.array(stands)))
        if name in tables:
            coming = tables[name].filter(pa.array(_stands(name, tables[name], since)))
            added[name] = len(land_seen(home, source + IMPLIED, {name: coming})[name])
    return added


def _stated_since(home: Home, name: str, source: str) -> pd.Series:
    """Of each key the first moment for which something was stated, in microseconds."""
    parts = []
    for path in readable(home, name, source).values():
        table = pq.read_table(path, columns=[*dict.fromkeys([*KEYS[name], KNOWN])], partitioning=None)
        parts.append(pd.Series(table[KNOWN].cast(pa.int64()).to_numpy(), index=keys_of(name, table)))
    return pd.concat(parts).groupby(level=0).min() if parts else pd.Series(dtype=np.int64)


def _stands(name: str, implied: pa.Table, since: pd.Series) -> NDArray[np.bool_]:
    """Of each implied row whether nothing was stated of its key for its moment or an earlier one."""
    first = since.reindex(keys_of(name, implied)).to_numpy(dtype=float)
    return np.asarray(np.isnan(first) | (implied[KNOWN].cast(pa.int64()).to_numpy() < first), bool)
