"""Feast's views and services, derived from the feature tables and the rankers' inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from feature_repo.entities import entities
from feature_repo.home import Home
from feature_repo.literal_path import literal_path
from feature_repo.services import INPUTS
from feature_repo.table import CREATED_TIME, EVENT_TIME, Feature, FeatureTable
from feature_repo.tables import TABLES

OWNER: Final = "placard"
PROFILES: Final = "profiles"
"""The one service whose features are online."""

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
        online=_is_online(table),
        owner=OWNER,
        description=f"Features of each {table.entity} as of the end of a day, {_reach(table)}.",
        tags={"entity": table.entity, "window_days": str(table.window_days), "reads": ", ".join(table.reads) or "a model's output"},
    )


def _is_online(table: FeatureTable) -> bool:
    """Whether serving reads the table from the online store; what it knows of ads and queries lies in the catalogue snapshot."""
    return table.entity == "user_id"


def _reach(table: FeatureTable) -> str:
    """How far back a table looks, and how long it holds, in words."""
    return f"from {table.window_days} days before it; {table.max_age.days} days later they count as unknown"


def objects(home: Home) -> list[Any]:
    """Everything that `feast apply` registers for a state folder."""
    from feast import FeatureService

    views = {t.name: view(t, home) for t in TABLES}
    training = [
        FeatureService(
            name=name, features=[*views.values()], owner=OWNER, tags={"online": "no"},
            description=f"What rankers that read {name} are trained on. Offline alone: ads are served from the catalogue snapshot.",
        )
        for name in INPUTS
    ]  # fmt: skip
    profiles = FeatureService(
        name=PROFILES, features=[views[t.name] for t in TABLES if _is_online(t)], owner=OWNER, tags={"online": "yes"},
        description="What serving reads of a person at each request.",
    )  # fmt: skip
    return [*entities().values(), *views.values(), *training, profiles]
