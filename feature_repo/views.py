"""Feast's views and services, derived from the feature tables and the rankers' inputs."""

from __future__ import annotations

from feast import FeatureService, FeatureView, Field, FileSource
from feast.data_format import ParquetFormat
from feast.types import Array, Float32, Int32, Int64, PrimitiveFeastType, String

from feature_repo.entities import ENTITIES
from feature_repo.home import Home
from feature_repo.services import INPUTS
from feature_repo.table import CREATED_TIME, EVENT_TIME, Feature, FeatureTable
from feature_repo.tables import TABLES

TYPES: dict[str, PrimitiveFeastType] = {"float32": Float32, "int32": Int32, "int64": Int64, "string": String}


def _field(feature: Feature) -> Field:
    kind = Array(Float32) if feature.dtype == "vector" else TYPES[feature.dtype]
    return Field(name=feature.name, dtype=kind, description=feature.unit)


def view(table: FeatureTable, home: Home) -> FeatureView:
    """The view of one table. Only user tables go online: ads and queries are served from the catalogue snapshot."""
    source = FileSource(
        name=f"{table.name}_partitions",
        path=str(home.features(table.name) / "*" / "*.parquet"),
        file_format=ParquetFormat(),
        timestamp_field=EVENT_TIME,
        created_timestamp_column=CREATED_TIME,
    )
    return FeatureView(
        name=table.name,
        entities=[ENTITIES[table.entity]],
        ttl=table.max_age,
        schema=[Field(name=table.entity, dtype=String), *(_field(f) for f in table.features)],
        source=source,
        online=table.entity == "user_id",
    )


def objects(home: Home) -> list[object]:
    """Everything that `feast apply` registers for a state folder."""
    views = [view(t, home) for t in TABLES]
    services = [FeatureService(name=name, features=list(views)) for name in INPUTS]
    return [*ENTITIES.values(), *views, *services]
