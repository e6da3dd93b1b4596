"""Feast's views and services, derived from the feature tables and the rankers' inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feature_repo.entities import entities
from feature_repo.home import Home
from feature_repo.literal_path import literal_path
from feature_repo.services import INPUTS
from feature_repo.table import CREATED_TIME, EVENT_TIME, Feature, FeatureTable
from feature_repo.tables import TABLES

if TYPE_CHECKING:
    from feast import FeatureView, Field


def _field(feature: Feature) -> Field:
    from feast import Field
    from feast.types import Array, Float32, Int32, Int64, String

    kinds = {"float32": Float32, "int32": Int32, "int64": Int64, "string": String, "vector": Array(Float32)}
    kind = kinds[feature.dtype]
    return Field(name=feature.name, dtype=kind, description=feature.unit)


def view(table: FeatureTable, home: Home) -> FeatureView:
    """The view of one table. Only user tables go online: ads and queries are served from the catalogue snapshot."""
    from feast import FeatureView, Field, FileSource
    from feast.data_format import ParquetFormat
    from feast.types import String

    source = FileSource(
        name=f"{table.name}_partitions",
        path=f"{literal_path(home.features(table.name))}/*/*.parquet",
        file_format=ParquetFormat(),
        timestamp_field=EVENT_TIME,
        created_timestamp_column=CREATED_TIME,
    )
    return FeatureView(
        name=table.name,
        entities=[entities()[table.entity]],
        ttl=table.max_age,
        schema=[Field(name=table.entity, dtype=String), *(_field(f) for f in table.features)],
        source=source,
        online=table.entity == "user_id",
    )


def objects(home: Home) -> list[object]:
    """Everything that `feast apply` registers for a state folder."""
    from feast import FeatureService

    views = [view(t, home) for t in TABLES]
    services = [FeatureService(name=name, features=list(views)) for name in INPUTS]
    return [*entities().values(), *views, *services]
