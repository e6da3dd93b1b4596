"""How large rows are, and how many come of a request: what storage is planned from."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.home import Home
from feature_repo.literal_path import read_only_database
from feature_repo.table_names import EVENT_TABLES
from feature_repo.tables import AD_TABLES, USER_TABLES
from pipelines.errors import Missing

LOOKED_AT: Final = 1_000
"""Most decision records whose size is measured: the newest."""
FLOAT_BYTES: Final = 4


@dataclass(frozen=True)
class RowSizes:
    """Bytes of what the platform keeps, and what a request brings.

    online_user: all rows of a user in the online store, keys and values. embedding: a user's vector. activity: a row of it, Parquet.
    ad_day: the rows of an ad in all ad tables of a day, Parquet. events_a_request: bytes of all event tables, Parquet, that a request adds.
    decision: a decision record as the event log keeps it; decision_packed: the same, compressed (zlib, level 6). training: a row of a
    training set. activities_a_request, impressions_a_request: rows. requests_a_user: requests of an active user in a day.
    measured_on: where.
    """

    online_user: float
    embedding: float
    activity: float
    ad_day: float
    events_a_request: float
    decision: float
    decision_packed: float
    training: float
    activities_a_request: float
    impressions_a_request: float
    requests_a_user: float
    measured_on: str


ON_THE_DEMO: Final = RowSizes(
    online_user=2_073, embedding=128, activity=20.9, ad_day=242, events_a_request=268, decision=21_674, decision_packed=5_784,
    training=16.9, activities_a_request=8.0, impressions_a_request=1.95, requests_a_user=2.9, measured_on="the demo's market",
)  # fmt: skip
"""Measured by `measured` on what `placard demo` leaves. The users' rows are SQLite's."""


def measured(home: Home) -> RowSizes:
    """The sizes of what a state folder holds. Raises Missing where the loop has not run in it to the end: it needs a published day, a
    training set and served decisions."""
    events = {name: _parquet(home.table(name)) for name in EVENT_TABLES}
    requests, impressions, activities = (events[name][0] for name in ("decisions", "impressions", "activity"))
    ads, ad_bytes = 0, 0.0
    for table in AD_TABLES:
        rows, size = _parquet(home.features(table.name))
        ads, ad_bytes = max(ads, rows), ad_bytes + size
    rows, training = _parquet(home.root / "datasets")
    if not (requests and ads and rows):
        raise Missing("published day or training set", str(home.root), "Run `placard demo` there, or plan without --measure.")
    users, online = _online(home.feast / "online.db")
    vectors = [f for t in USER_TABLES for f in t.features if f.dtype == "vector"]
    whole, packed = _records(home.eventlog / "events.db")
    return RowSizes(
        online_user=online / users,
        embedding=float(FLOAT_BYTES * max(f.width for f in vectors)),
        activity=events["activity"][1] / max(activities, 1),
        ad_day=ad_bytes / ads,
        events_a_request=sum(size for _, size in events.values()) / requests,
        decision=whole,
        decision_packed=packed,
        training=training / rows,
        activities_a_request=activities / requests,
        impressions_a_request=impressions / requests,
        requests_a_user=_requests_a_user(home),
        measured_on=str(home.root),
    )


def _parquet(folder: Path) -> tuple[int, float]:
    """Rows and bytes of every Parquet file below a folder."""
    files = sorted(folder.rglob("*.parquet"))
    return sum(pq.read_metadata(f).num_rows for f in files), float(sum(f.stat().st_size for f in files))


def _requests_a_user(home: Home) -> float:
    """Over the days there are: requests over the number of different users of a day."""
    requests = users = 0
    for day in home.days("decisions"):
        asked = pq.read_table(home.partition("decisions", day), columns=["user_id"])["user_id"]
        requests, users = requests + len(asked), users + pc.count_distinct(asked).as_py()
    return requests / max(users, 1)


def _online(path: Path) -> tuple[int, float]:
    """Users in the online store, and the bytes of their rows."""
    if not path.exists():
        raise Missing("online store", str(path), "Publish a day with `placard features publish`, or plan without --measure.")
    users, size = 0, 0.0
    with closing(sqlite3.connect(read_only_database(path), uri=True)) as store:
        names = [name for (name,) in store.execute("select name from sqlite_master where type = 'table'")]
        for name in names:
            if not any(name.endswith(t.name) for t in USER_TABLES):
                continue
            summed = "sum(length(entity_key) + length(feature_name) + length(value))"
            people, held = store.execute(f'select count(distinct entity_key), {summed} from "{name}"').fetchone()
            users, size = max(users, people), size + (held or 0)
    if not users:
        raise Missing("users in the online store", str(path), "Publish a day with `placard features publish`, or plan without --measure.")
    return users, size


def _records(path: Path) -> tuple[float, float]:
    """Mean bytes of a decision record, and of one compressed."""
    if not path.exists():
        raise Missing("event log", str(path), "Serve some requests first, or plan without --measure.")
    with closing(sqlite3.connect(read_only_database(path), uri=True)) as log:
        found = [bytes(row) for (row,) in log.execute("select record from decisions order by at desc limit ?", (LOOKED_AT,))]
    if not found:
        raise Missing("decision record", str(path), "Serve some requests first, or plan without --measure.")
    return sum(map(len, found)) / len(found), sum(len(zlib.compress(record)) for record in found) / len(found)
