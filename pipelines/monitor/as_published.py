"""What the published features said of many entities at many moments: the offline side of what serving reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.partition_file import read_features
from feature_repo.table import EVENT_TIME, FeatureTable
from pipelines.monitor.drift import published


def as_published(home: Home, table: FeatureTable, entities: Sequence[str], at: Sequence[datetime]) -> dict[str, np.ndarray]:
    """Each feature of entity i as of at[i], shape (n,) or (n, width): the newest partition known by then that holds the entity.

    Defaults where there is none, or where it is older than the table's max_age, as serving has it.
    """
    n = len(entities)
    out = {f.name: f.filled(n) for f in table.features}
    last: list[date] = [(moment - timedelta(days=1)).date() for moment in at]  # a day's partition is known at the day's end
    open_rows = np.ones(n, bool)
    for day in reversed(published(home, table.name)):
        rows = np.flatnonzero(open_rows & np.array([day <= d for d in last], dtype=bool)).tolist()
        if not rows:
            continue
        wanted = pa.array(sorted({entities[i] for i in rows}), pa.string())
        part = read_features(table, home.feature_partition(table.name, day), pc.is_in(pc.field(table.entity), wanted))
        place = {key: i for i, key in enumerate(part[table.entity].to_pylist())}
        stamps = part[EVENT_TIME].to_pylist() or [end_of(day)]
        for i in rows:
            j = place.get(entities[i])
            if j is None:
                continue
            open_rows[i] = False
            if at[i] - stamps[j] <= table.max_age:
                _fill(out, table, i, part, j)
    return out


def _fill(out: dict[str, np.ndarray], table: FeatureTable, i: int, part: pa.Table, j: int) -> None:
    for feature in table.features:
        value = part[feature.name][j].as_py()
        if value is not None:
            out[feature.name][i] = value
