from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.tables import TABLES


def partition(day: date, shift: float, moved: tuple[str, str]) -> dict[str, pa.Table]:
    """Every table with 400 rows of random features; `shift` moves the feature `moved`."""
    rng, n, tables = np.random.default_rng(5), 400, {}
    for table in TABLES:
        columns: dict[str, pa.Array] = {table.entity: pa.array([f"e{i}" for i in range(n)])}
        for feature in table.features:
            noise = rng.normal(size=n) + (shift if (table.name, feature.name) == moved else 0)
            if feature.dtype == "vector":
                columns[feature.name] = pa.array(list(rng.normal(size=(n, feature.width))), feature.arrow)
            elif feature.dtype == "string":
                columns[feature.name] = pa.array(rng.choice(["x", "y"], n).tolist())
            else:
                columns[feature.name] = pa.array(noise if feature.dtype == "float32" else (noise * 9).astype(int), feature.arrow)
        stamp = pa.array([end_of(day)] * n, table.schema.field(-1).type)
        tables[table.name] = pa.table([*columns.values(), stamp, stamp], schema=table.schema)
    return tables


@pytest.fixture
def publish(home: Home) -> Callable[..., None]:
    """publish(day): random features of every table for e0 to e399, the same every day but for `moved`."""

    def run(day: date, shift: float = 0.0, moved: tuple[str, str] = ("", "")) -> None:
        for name, table in partition(day, shift, moved).items():
            write_partition(table, home.feature_partition(name, day))

    return run
