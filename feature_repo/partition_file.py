"""One Parquet file of one partition, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.whole_file import whole_file


def write_partition(table: pa.Table, path: Path) -> Path:
    """Writes `table` to `path`, replacing the file whole. Equal tables give equal bytes. Times are microseconds: Spark reads those."""
    with whole_file(path) as part:
        pq.write_table(table, part, compression="zstd", coerce_timestamps="us", use_dictionary=True)
    return path
