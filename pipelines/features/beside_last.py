"""A feature table beside the one of the last published day: it may not shrink to a part of it, and no column may fall silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.home import Home
from feature_repo.partition_file import read_features
from feature_repo.table import Feature, FeatureTable
from pipelines.features.published import published_days
from serving.room_settings import FeatureSettings

LEAST_ROWS: Final = FeatureSettings().least_rows_share
FEWEST: Final = 20
"""Rows of a table below which a column may be constant by chance."""


def silent(feature: Feature, rows: pa.Table) -> str:
    """`all null`, `constant`, or "" for a column that tells something."""
    column = rows[feature.name].combine_chunks().drop_null()
    if len(column) == 0:
        return "all null"
    if feature.dtype != "vector":
        return "constant" if len(pc.unique(column)) == 1 else ""
    if len(pc.unique(pc.list_value_length(column))) > 1:
        return ""
    values = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return "constant" if bool(np.all(values == values[0])) else ""


def against_last(home: Home, table: FeatureTable, day: date, rows: pa.Table, least: float = LEAST_ROWS) -> Iterator[str]:
    """What is wrong with a day's rows beside those of the last published day before it; nothing where there is none."""
    last = max((d for d in published_days(home) if d < day), default=None)
    if last is None:
        return
    before = read_features(table, home.feature_partition(table.name, last))
    if len(rows) < least * len(before):
        yield f"{len(rows):,} rows where {last} has {len(before):,}"
    if len(rows) < FEWEST or len(before) < FEWEST:
        return
    for feature in table.features:
        if (now := silent(feature, rows)) and not silent(feature, before):
            yield f"{feature.name} is {now}, on {last} it was not"
