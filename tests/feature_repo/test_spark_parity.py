"""The same expressions on Spark: every table that an expression builds, value by value, as DuckDB has it."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.table import FeatureTable
from feature_repo.tables import TABLES
from pipelines.features.inputs import inputs
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.simulate import simulate
from pipelines.warehouse.as_of import connect

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Spark's and Ibis's own
BUILT = [t for t in TABLES if t.build is not None]
WITHIN = 1e-6


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    if shutil.which("java") is None:
        if os.environ.get("PLACARD_TEST_REQUIRE_SERVERS") == "1":
            pytest.fail("java is not installed and this run requires it: apt-get install openjdk-17-jre-headless")
        pytest.skip("java is not installed: apt-get install openjdk-17-jre-headless")
    import ibis
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.default.parallelism": "2",
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.memory": "2g",
        "spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true", "spark.ui.showConsoleProgress": "false",
    }  # fmt: skip
    builder = SparkSession.builder.master("local[2]").appName("parity")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield ibis.pyspark.connect(session)
    session.stop()


@pytest.fixture(scope="module", params=["market", "timelines"])
def logs(request: pytest.FixtureRequest, timelines: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, datetime]:
    """A simulated market with pictures; random timelines, with late, missing and boundary events."""
    root: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "timelines":
        world = timelines.make(3, 20, 20)
        return world.write(root), world.as_of
    first = date(2026, 1, 17)
    simulate(Home(root), MarketConfig(start=str(first), users=150, creatives=40, impressions_per_day=600), 2)
    return Home(root), end_of(first + timedelta(days=1))


def rows(con: Any, home: Home, table: FeatureTable, as_of: datetime) -> dict[str, dict[str, Any]]:
    assert table.build is not None
    return {r[table.entity]: r for r in table.build(inputs(con, home, table, as_of), as_of).to_pyarrow().to_pylist()}


def same(one: Any, other: Any) -> bool:
    if isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return math.isclose(one, other, rel_tol=WITHIN, abs_tol=1e-12) if isinstance(other, float) else bool(one == other)


@pytest.mark.parametrize("table", BUILT, ids=lambda t: t.name)
def test_spark_says_what_duckdb_says(spark: Any, logs: tuple[Home, datetime], table: FeatureTable) -> None:
    home, as_of = logs
    duck = connect()
    try:
        expected = rows(duck, home, table, as_of)
    finally:
        duck.disconnect()
    found = rows(spark, home, table, as_of)
    assert found.keys() == expected.keys() and len(expected) >= 15
    wrong = [
        f"{entity}.{name}: {found[entity][name]}, in DuckDB {value}"
        for entity, values in expected.items()
        for name, value in values.items()
        if not same(found[entity][name], value)
    ]
    assert wrong == []
