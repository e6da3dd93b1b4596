"""One Parquet file of one partition, written whole or not at all; and a partition of features, read as the present features have it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.table import Feature, FeatureTable
from feature_repo.whole_file import whole_file


def write_partition(table: pa.Table, path: Path) -> Path:
    """Writes `table` to `path`, replacing the file whole. Equal tables give equal bytes. Times are microseconds: Spark reads those."""
    with whole_file(path) as part:
        pq.write_table(table, part, compression="zstd", coerce_timestamps="us", use_dictionary=True)
    return path


def read_features(table: FeatureTable, path: Path, filters: pc.Expression | None = None) -> pa.Table:
    """A partition of a feature table in the table's present columns: what was built before a feature was added has its default."""
    rows = pq.read_table(path, partitioning=None, filters=filters)
    for feature in lacking_features(table, rows.schema):
        rows = rows.append_column(feature.name, feature.filled_arrow(len(rows)))
    return rows.select(table.schema.names)


def lacking_features(table: FeatureTable, schema: pa.Schema) -> list[Feature]:
    """The features that a partition was built before, by its schema."""
    there = {*schema.names}
    return [feature for feature in table.features if feature.name not in there]
