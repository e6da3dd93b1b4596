"""One Parquet file of one partition, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_partition(table: pa.Table, path: Path) -> Path:
    """Writes `table` to `path` by atomic rename. Equal tables give equal bytes. Times are microseconds: Spark reads those."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, part, compression="zstd", coerce_timestamps="us", use_dictionary=True)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
