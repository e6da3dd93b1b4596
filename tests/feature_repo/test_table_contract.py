"""What every feature table promises: bounds its own defaults keep, one name once, a Feast view of the same columns, and coverage."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import feature_repo.tables
from feature_repo.entities import ENTITIES
from feature_repo.errors import FeatureError
from feature_repo.services import INPUTS
from feature_repo.table import CREATED_TIME, EVENT_TIME, Feature, FeatureTable
from feature_repo.tables import AD_TABLES, QUERY_TABLES, TABLES, USER_TABLES

EACH = pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
FEATURES = pytest.mark.parametrize("feature", [f for t in TABLES for f in t.features], ids=lambda f: f.name)
WRITTEN_BY_A_MODEL = {"user_embedding", "ad_embedding"}
"""Tables without an expression: pipelines/features/embeddings writes them."""


def test_every_table_file_is_listed() -> None:
    found = {}
    for path in Path(feature_repo.tables.__file__).parent.glob("[!_]*.py"):
        module = importlib.import_module(f"feature_repo.tables.{path.stem}")
        found |= {t.name: path.stem for t in vars(module).values() if isinstance(t, FeatureTable) and t.name == path.stem}
        assert path.stem in found, f"{path.name} defines no table of its name"
    assert set(found) == {t.name for t in TABLES}, "add it to TABLES"
    assert {*USER_TABLES} | {*AD_TABLES} | {*QUERY_TABLES} == {*TABLES}


def test_a_new_table_needs_its_tests(timelines: Any) -> None:
    """An expression over events needs an oracle (test_leakage); every other kind is named here."""
    oracles = {name for name, _ in timelines.oracles}
    uncovered = {t.name for t in TABLES} - oracles - WRITTEN_BY_A_MODEL - {"ad_creative"}
    assert uncovered == set(), "give it an oracle in tests/feature_repo/conftest.py"
    assert {t.name for t in TABLES if t.build is None} == WRITTEN_BY_A_MODEL


def test_a_feature_name_stands_once() -> None:
    names = [n for t in TABLES for n in t.names]
    assert sorted(names) == sorted(set(names))
    reserved = {*ENTITIES, EVENT_TIME, CREATED_TIME}
    assert not reserved & {*names}


@FEATURES
def test_a_default_keeps_its_own_bounds(feature: Feature) -> None:
    values = feature.filled(3)
    assert values.shape == ((3, feature.width) if feature.dtype == "vector" else (3,))
    if feature.dtype == "string":
        assert feature.low is None and feature.high is None and set(values) == {feature.default}
        return
    assert np.isfinite(values).all()
    assert feature.low is not None, f"{feature.name} has no lower bound: the gate would let anything through"
    assert values.min() >= feature.low
    if feature.high is not None:
        assert values.max() <= feature.high and feature.low < feature.high


@FEATURES
def test_a_ratio_or_a_share_has_an_upper_bound(feature: Feature) -> None:
    if any(word in feature.unit for word in ("probability", "share", "per impression", "expected", "index")):
        assert feature.high is not None


@EACH
def test_the_schema_is_entity_features_and_the_two_times(table: FeatureTable) -> None:
    assert table.schema.names == [table.entity, *table.names, EVENT_TIME, CREATED_TIME]
    assert table.entity in ENTITIES
    for f in table.features:
        assert table.schema.field(f.name).type == f.arrow
        assert (f.width > 0) == (f.dtype == "vector") == pa.types.is_list(f.arrow)
    with pytest.raises(FeatureError, match=table.name):
        table.feature("no such feature")


@EACH
def test_feasts_view_has_the_tables_columns(table: FeatureTable, tmp_path: Path) -> None:
    from feature_repo.home import Home
    from feature_repo.views import view

    made = view(table, Home(tmp_path))
    assert {f.name for f in made.features} == {*table.names}
    assert made.ttl == table.max_age
    assert made.online == (table in USER_TABLES)


@pytest.mark.parametrize("model", INPUTS.values(), ids=lambda m: m.name)
def test_what_rankers_read_exists(model: Any) -> None:
    known = {n for t in TABLES for n in t.names}
    assert len(set(model.names)) == len(model.names)
    for column in model.columns:
        if column.origin in ("user", "ad") and column.kind == "numeric" and not column.name.endswith("_code"):
            assert column.name in known or column.name in {"user_vector_norm"}, column.name
