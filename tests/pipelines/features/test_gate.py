"""The gate: a few bad rows are set aside with their reasons, many stop the batch before anything that serves changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.table import FeatureTable
from feature_repo.tables import TABLES
from feature_repo.tables.user_embedding import USER_EMBEDDING
from feature_repo.tables.user_profile import USER_PROFILE
from pipelines.errors import Missing, Refused
from pipelines.features.publish import publish
from pipelines.features.validate import MOST_BAD, validate

pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_:DeprecationWarning", "ignore:fetch_arrow_table")
BY_NAME = pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)


@BY_NAME
def test_one_percent_of_bad_rows_is_set_aside_with_reasons_and_the_rest_goes_on(
    copy: Any, table: FeatureTable, spoil: Callable[..., list[str]]
) -> None:
    day = copy.waiting
    whole = pq.read_table(copy.home.staged(table.name, day), partitioning=None)
    bad = max(len(whole) // 100, 1)
    entities = spoil(copy, table, day, bad)

    found = validate(copy.home, table, day)
    assert (found.rows, found.bad) == (len(whole), bad)

    lines = [json.loads(line) for line in (copy.home.quarantine / "features" / table.name / f"day={day}.jsonl").read_text().splitlines()]
    assert [line["values"][table.entity] for line in lines] == entities
    spoiled = next(f.name for f in table.features if f.low is not None)
    assert all(any(spoiled in reason for reason in line["reasons"]) for line in lines)

    kept = pq.read_table(copy.home.staged(table.name, day), partitioning=None)
    assert kept.equals(whole.slice(bad))
    if bad > 1 or table is USER_PROFILE:
        publish(copy.settings, [day])
        assert copy.rows(table, day).equals(kept)


@BY_NAME
def test_more_than_five_percent_stops_and_what_serves_is_left_byte_for_byte(
    copy: Any, table: FeatureTable, spoil: Callable[..., list[str]]
) -> None:
    day = copy.waiting
    staged = copy.home.staged(table.name, day)
    n = pq.read_metadata(staged).num_rows
    spoil(copy, table, day, int(n * MOST_BAD) + 1)
    before, spoiled = copy.served_bytes(), staged.read_bytes()

    with pytest.raises(Refused, match="5%"):
        validate(copy.home, table, day)
    with pytest.raises(Missing, match=table.name):
        publish(copy.settings, [day])

    assert staged.read_bytes() == spoiled
    assert copy.served_bytes() == before
    assert not copy.home.feature_partition(table.name, day).exists()


@pytest.mark.parametrize("refused", [False, True], ids=["not checked again", "refused"])
def test_what_is_built_anew_needs_a_pass_of_its_own(copy: Any, spoil: Callable[..., list[str]], refused: bool) -> None:
    """The day's earlier pass was of other rows."""
    day = copy.waiting
    marker = copy.home.staged(USER_PROFILE.name, day).parent / "validated.json"
    earlier = marker.read_text()
    spoil(copy, USER_PROFILE, day, 400)
    marker.write_text(earlier)  # a build leaves it where it is
    if refused:
        with pytest.raises(Refused):
            validate(copy.home, USER_PROFILE, day)
    before = copy.served_bytes()
    with pytest.raises(Missing, match=USER_PROFILE.name):
        publish(copy.settings, [day])
    assert copy.served_bytes() == before


@pytest.mark.parametrize("values", [None, [0.0] * 31, [float("nan")] * 32, [float("inf")] * 32], ids=["null", "short", "nan", "infinite"])
def test_a_vector_that_is_not_whole_and_finite_is_bad(copy: Any, values: list[float] | None) -> None:
    table, day = USER_EMBEDDING, copy.waiting
    path = copy.home.staged(table.name, day)
    rows = pq.read_table(path, partitioning=None).to_pylist()
    rows[3][table.names[0]] = values
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    assert validate(copy.home, table, day).bad == 1


@pytest.mark.parametrize("entity", [None, "twice"], ids=["absent", "twice"])
def test_an_entity_that_is_absent_or_there_twice_is_bad(copy: Any, entity: str | None) -> None:
    table, day = USER_PROFILE, copy.waiting
    path = copy.home.staged(table.name, day)
    rows = pq.read_table(path, partitioning=None).to_pylist()
    rows[0][table.entity] = None if entity is None else rows[1][table.entity]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    assert validate(copy.home, table, day).bad == (1 if entity is None else 2)


def test_checking_good_rows_changes_nothing(copy: Any) -> None:
    for table in TABLES:
        path = copy.home.staged(table.name, copy.waiting)
        before = path.read_bytes()
        assert validate(copy.home, table, copy.waiting).bad == 0
        assert path.read_bytes() == before


def test_data_docs_name_every_table_and_day(platform: Any) -> None:
    index = (platform.home.data_docs / "index.html").read_text()
    for table in TABLES:
        for day in platform.days:
            assert f"href='{table.name}/{day}.html'" in index
            page = (platform.home.data_docs / table.name / f"{day}.html").read_text()
            assert all(name in page for name in table.names if table.feature(name).low is not None)


def test_simulated_values_keep_their_bounds_by_a_margin_that_is_not_luck(platform: Any) -> None:
    """No row of any table was set aside on clean logs."""
    assert not list((platform.home.quarantine / "features").rglob("*.jsonl"))
    for table in TABLES:
        rows = platform.rows(table, platform.live)
        for f in table.features:
            if f.dtype not in ("vector", "string"):
                assert np.isfinite(rows[f.name].to_numpy()).all()
