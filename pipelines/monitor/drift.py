"""Drift: how far each feature's distribution has moved between two published partitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import numpy as np
import pyarrow as pa

from feature_repo.home import Home
from feature_repo.partition_file import read_features
from feature_repo.table import FeatureTable
from feature_repo.tables import TABLES
from pipelines.errors import Missing
from pipelines.reporting.figure import Figure
from pipelines.reporting.report import Report
from pipelines.statistics.psi import psi

DRIFTED: Final = 0.25
"""The usual reading: below 0.1 stable, up to 0.25 worth a look, above it drifted."""
BACK_DAYS: Final = 7
ABOUT: Final = (
    "Population stability index of every feature against an earlier partition: below 0.1 stable, above 0.25 drifted. "
    "A feature fails only when the index is also above what chance gives at these row counts. A vector is as bad as its worst "
    "element; embeddings, which are fitted anew every day, are compared by length."
)


def published(home: Home, table: str) -> list[date]:
    """Days with a published partition, ascending."""
    return sorted(date.fromisoformat(p.parent.name[4:]) for p in home.features(table).glob("day=*/part.parquet"))


def reference_day(home: Home, table: str, day: date) -> date | None:
    """The newest partition at least BACK_DAYS old, so that weekdays match where they can; else the oldest before `day`."""
    before = [d for d in published(home, table) if d < day]
    aged = [d for d in before if d <= day - timedelta(days=BACK_DAYS)]
    return aged[-1] if aged else before[0] if before else None


def drift(home: Home, day: date, against: date | None = None) -> Report:
    """PSI of each feature of each published table. Raises Missing when `day` or `against` is not published.

    The first day of a platform has nothing to be compared with and gives no figures but that."""
    figures: list[Figure] = []
    references: dict[str, str] = {}
    rows: dict[str, int] = {}
    for table in TABLES:
        other = against or reference_day(home, table.name, day)
        if not home.feature_partition(table.name, day).exists():
            continue
        if other is None or not home.feature_partition(table.name, other).exists():
            continue
        new, old = (read_features(table, home.feature_partition(table.name, d)) for d in (day, other))
        references[table.name], rows[table.name] = other.isoformat(), len(new)
        if len(new) and len(old):
            figures += [figure for _, figure in figures_of(table, old, new)]
    for wanted in (day, against):
        if wanted and not any(home.feature_partition(t.name, wanted).exists() for t in TABLES):
            raise Missing("published features", str(wanted), f"Publish them: `placard features publish --partition {wanted}`.")
    figures.sort(key=lambda f: (f.holds is not False, -(f.value or 0.0)))
    moved = sum(f.holds is False for f in figures)
    head = Figure("features_drifted", moved, "features", "0", moved == 0)
    return Report("drift", day, ABOUT, {"reference": references, "rows": rows}, [head, *figures])


def figures_of(table: FeatureTable, old: pa.Table, new: pa.Table) -> Iterator[tuple[str, Figure]]:
    """(feature, its index with the verdict) of each feature of two partitions, both with rows."""
    for feature in table.features:
        pairs = zip(*(_columns(t[feature.name], table.build is not None) for t in (old, new)), strict=True)
        values, chances = zip(*(psi(a, b) for a, b in pairs), strict=True)
        worst = int(np.argmax(values))
        value, chance = values[worst], chances[worst]
        drifted = value >= DRIFTED and value > chance
        target = f"< {max(DRIFTED, chance):.3g}"
        yield feature.name, Figure(f"{table.name}.{feature.name}", round(value, 6), "psi", target, not drifted)


def _columns(column: pa.ChunkedArray, fixed_axes: bool) -> list[np.ndarray]:
    """A column as PSI takes it: float64 with nan for null, or strings.

    A vector gives a column an element where its axes keep their meaning, and its length where a model is fitted anew daily.
    """
    if pa.types.is_list(column.type):
        flat = column.combine_chunks()
        matrix = flat.flatten().to_numpy(zero_copy_only=False).astype(np.float64).reshape(len(flat), -1)
        return list(matrix.T) if fixed_axes else [np.linalg.norm(matrix, axis=1)]
    if pa.types.is_string(column.type):
        return [np.asarray(column.fill_null("").to_numpy(zero_copy_only=False), dtype=object)]
    return [np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))]
