"""The offline store joins as Feast's own does, whatever the rows, and reads days from before a feature was added."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.feast_store import OFFLINE_STORE

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = st.integers(0, 9)
"""After START: few, so that rows meet labels and one another."""
ROWS = st.lists(st.tuples(st.sampled_from("abc"), HOURS, HOURS), min_size=1, max_size=14, unique=True)
"""Whose a row is, when its event was, and when it was written: later or earlier."""
LABELS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "nobody", None]), HOURS), min_size=1, max_size=8)
YOUNG = 4
"""Hours after which the view `young` does not find a row any more; the view `any` always does."""


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def store_of(place: Path, offline: str) -> Any:
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
    from feast.data_format import ParquetFormat
    from feast.types import Float32, Int64, String
    from feast.value_type import ValueType

    registry = {"path": str(place / f"{offline}.db")}
    store = FeatureStore(
        config=RepoConfig(
            project="p", provider="local", registry=registry, offline_store={"type": offline}, repo_path=place,
            online_store={"type": "sqlite", "path": str(place / "online.db")}, entity_key_serialization_version=3,
        )
    )  # fmt: skip
    source = FileSource(
        name="rows",
        path=f"{place}/rows/*.parquet",
        file_format=ParquetFormat(),
        timestamp_field="event",
        created_timestamp_column="created",
    )
    user = Entity(name="user", join_keys=["user"], value_type=ValueType.STRING)
    fields = [Field(name="user", dtype=String), Field(name="value", dtype=Int64), Field(name="later", dtype=Float32)]
    views = [
        FeatureView(name=name, entities=[user], ttl=ttl, schema=fields, source=source)
        for name, ttl in (("any", timedelta(0)), ("young", timedelta(hours=YOUNG)))
    ]
    store.apply([user, *views])
    return store


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("asof")
    written(folder, [("a", 0, 0)])
    return folder


@pytest.fixture(scope="module")
def stores(place: Path) -> tuple[Any, Any]:
    """Ours, and Feast's own."""
    return store_of(place, OFFLINE_STORE), store_of(place, "duckdb")


def written(place: Path, rows: list[tuple[str, int, int]], **more: pa.Array) -> None:
    """One file of the rows, whose values are their places in the list; more: further columns."""
    rmtree(place / "rows", ignore_errors=True)
    (place / "rows").mkdir()
    whose, events, made = zip(*rows, strict=True)
    columns = {"user": whose, "event": [*map(at, events)], "created": [*map(at, made)], "value": pa.array(range(len(rows)), pa.int64())}
    pq.write_table(pa.table({"later": pa.nulls(len(rows), pa.float32()), **columns, **more}), place / "rows" / "0.parquet")


def joined(store: Any, labels: list[tuple[str | None, int]], features: list[str], as_known: bool) -> pa.Table:
    frame = pd.DataFrame({"user": pd.Series([key for key, _ in labels], dtype=object), "event_timestamp": [at(hour) for _, hour in labels]})
    frame["n"] = range(len(frame))
    return store.get_historical_features(entity_df=frame, features=features, filter_by_created_timestamp=as_known).to_arrow()


@settings(max_examples=12)
@given(rows=ROWS, labels=LABELS, as_known=st.booleans(), view=st.sampled_from(["any", "young"]))
def test_it_finds_what_feasts_own_join_finds(
    place: Path, stores: tuple[Any, Any], rows: list[tuple[str, int, int]], labels: list[tuple[str | None, int]], as_known: bool, view: str
) -> None:
    written(place, rows)
    ours, theirs = (joined(store, labels, [f"{view}:value"], as_known) for store in stores)
    assert ours["n"].to_pylist() == [*range(len(labels))], "labels keep their order"
    assert ours["value"].to_pylist() == theirs.sort_by("n")["value"].to_pylist()


def test_a_label_sees_the_latest_event_that_was_known_not_the_one_that_was_written_last(place: Path, stores: tuple[Any, Any]) -> None:
    written(place, [("a", 5, 5), ("a", 1, 6), ("a", 7, 9)])
    assert joined(stores[0], [("a", 4), ("a", 6), ("a", 8), ("a", 9)], ["any:value"], True)["value"].to_pylist() == [None, 0, 0, 2]
    assert joined(stores[0], [("a", 4), ("a", 8)], ["any:value"], False)["value"].to_pylist() == [1, 2]


def test_files_from_before_a_feature_have_none_of_it_and_those_after_have_it(place: Path, stores: tuple[Any, Any]) -> None:
    written(place, [("a", 1, 1)])
    old = pq.read_table(place / "rows" / "0.parquet").drop_columns(["later"])
    pq.write_table(old, place / "rows" / "0.parquet")
    features = ["any:value", "any:later"]
    found = joined(stores[0], [("a", 2)], features, True)
    assert found["later"].to_pylist() == [None] and found["later"].type == pa.float32() and found["value"].to_pylist() == [0]
    new = pa.table(
        {"user": ["a"], "event": [at(3)], "created": [at(3)], "value": pa.array([7], pa.int64()), "later": pa.array([0.5], pa.float32())}
    )
    pq.write_table(new, place / "rows" / "1.parquet")
    found = joined(stores[0], [("a", 2), ("a", 4)], features, True)
    assert found["later"].to_pylist() == [None, 0.5] and found["value"].to_pylist() == [0, 7]


def test_it_is_written_where_feast_keeps_saved_datasets(place: Path, stores: tuple[Any, Any]) -> None:
    from feast.infra.offline_stores.file_source import SavedDatasetFileStorage

    written(place, [("a", 1, 1)])
    frame = pd.DataFrame({"user": ["a"], "event_timestamp": [at(2)]})
    job = stores[0].get_historical_features(entity_df=frame, features=["any:value"])
    job.persist(SavedDatasetFileStorage(path=str(place / "saved.parquet")))
    assert pq.read_table(place / "saved.parquet")["value"].to_pylist() == [0]
    assert job.metadata.keys == ["user"] and job.to_df()["value"].tolist() == [0]
