"""What a feature table is: one frozen value per table, from which Feast views, checks, defaults and matrices are derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import ibis.expr.types as ir

from feature_repo.errors import FeatureError
from feature_repo.events import TIME

Dtype = Literal["float32", "int32", "int64", "string", "vector"]
EVENT_TIME = "event_timestamp"
CREATED_TIME = "created_timestamp"


@dataclass(frozen=True)
class Feature:
    """One column of a feature table.

    default: what serving uses when the entity or the value is missing. low, high: inclusive bounds that every value must keep.
    width: number of float32 elements of a vector. unit: for people ("probability", "days", "share"). since, until: the versions of rankers'
    inputs that hold it, where rankers read it (model_input.Column).
    """

    name: str
    dtype: Dtype
    default: float | int | str = 0.0
    low: float | None = None
    high: float | None = None
    nullable: bool = False
    width: int = 0
    unit: str = ""
    since: int = 1
    until: int = 0

    @property
    def arrow(self) -> pa.DataType:
        if self.dtype == "vector":
            return pa.list_(pa.float32())
        return {"float32": pa.float32(), "int32": pa.int32(), "int64": pa.int64(), "string": pa.string()}[self.dtype]

    def filled(self, n: int) -> np.ndarray:
        """The default, n times: shape (n,), or (n, width) for a vector."""
        if self.dtype == "vector":
            return np.full((n, self.width), self.default, np.float32)
        return np.full(n, self.default, object if self.dtype == "string" else self.dtype)

    def filled_arrow(self, n: int) -> pa.Array:
        """The default, n times, as a partition holds it."""
        return pa.array(list(self.filled(n)), self.arrow)


@dataclass(frozen=True)
class FeatureTable:
    """One feature table.

    build(tables, as_of) returns an Ibis expression with the entity column and every feature, one row an entity; `tables` maps
    each name in `reads` to an Ibis table that already holds only rows with created_ts < as_of. It must not look at a clock.
    The builder appends event_timestamp = created_timestamp = as_of. `build` is None for tables written by a model
    (embeddings), whose producer is named in the module.
    max_age: a row older than this is stale; serving then uses defaults and says so.
    """

    name: str
    entity: str
    features: tuple[Feature, ...]
    reads: tuple[str, ...]
    window_days: int
    max_age: timedelta
    build: Callable[[Mapping[str, ir.Table], datetime], ir.Table] | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.features)

    def feature(self, name: str) -> Feature:
        for f in self.features:
            if f.name == name:
                return f
        raise FeatureError("feature", name, f"Table {self.name} has: {', '.join(self.names)}.")

    @property
    def schema(self) -> pa.Schema:
        """Entity, features, event_timestamp, created_timestamp: the columns of a published partition, in order."""
        return pa.schema(
            [
                (self.entity, pa.string()),
                *((f.name, f.arrow) for f in self.features),
                (EVENT_TIME, TIME),
                (CREATED_TIME, TIME),
            ]
        )


def finish(table: FeatureTable, rows: pa.Table, as_of: datetime) -> pa.Table:
    """Rows in the table's schema, sorted by entity, stamped with `as_of`."""
    stamp = pa.array([as_of] * len(rows), TIME)
    rows = rows.append_column(EVENT_TIME, stamp).append_column(CREATED_TIME, stamp)
    return rows.select(table.schema.names).cast(table.schema).sort_by(table.entity)
