"""The benchmark's own honesty: the same log twice, equal work on both sides, every promised figure with its target. Never timed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from feature_repo.table import FeatureTable
from pipelines.bench.features.by_hand import QUERIES, by_hand
from pipelines.bench.features.event_log import LAST, write_log
from pipelines.bench.features.features import COMPARED, peak_mib, run
from pipelines.features.build import build

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # Ibis's and Feast's own


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("log"))
    write_log(home, 3_000)
    return home


def test_the_log_is_the_same_twice_and_as_large_as_asked(log: Home, tmp_path: Path) -> None:
    counts = write_log(Home(tmp_path), 3_000)
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.parquet"))
    assert files and all((tmp_path / f).read_bytes() == (log.root / f).read_bytes() for f in files)
    assert counts["impressions"] == 3_000 and counts["activity"] == 15_000


@pytest.mark.parametrize("table", COMPARED, ids=lambda t: t.name)
def test_both_ways_do_the_same_work(log: Home, table: FeatureTable, tmp_path: Path) -> None:
    """The same files in, the same table out: columns, order, types and values."""
    ours = pq.read_table(build(log, table, LAST), partitioning=None)
    theirs = pq.read_table(by_hand(log, table, LAST, tmp_path / "by_hand.parquet"), partitioning=None)
    assert theirs.schema.names == ours.schema.names and len(theirs) == len(ours) > 30
    for field in ours.schema:
        one, other = ours[field.name].combine_chunks(), theirs[field.name].combine_chunks()
        if pa.types.is_list(field.type):
            one, other = one.flatten(), other.flatten()
        assert other.type == one.type, field.name
        if pa.types.is_floating(one.type):
            np.testing.assert_allclose(other.to_numpy(), one.to_numpy(), rtol=1e-6, atol=1e-12, err_msg=field.name)
        else:
            assert other.equals(one), field.name


def test_every_table_with_an_expression_is_compared() -> None:
    assert {t.name for t in COMPARED} == set(QUERIES)


def test_the_log_is_worth_measuring(log: Home) -> None:
    """A build of constants would be fast."""
    for table in (t for t in COMPARED if t.window_days):
        rows = pq.read_table(build(log, table, LAST - timedelta(days=1)), partitioning=None)
        numbers = [f.name for f in table.features if f.dtype == "float32"]
        assert sum(len(rows[n].unique()) > 1 for n in numbers) >= 0.7 * len(numbers)


def test_peak_memory_is_that_of_the_work_alone() -> None:
    held = bytearray(600 << 20)
    value, small = peak_mib(len, b"abc")
    assert value == 3 and 50 < small < 600
    assert peak_mib(bytearray, 150 << 20)[1] > small + 120
    assert len(held) == 600 << 20


@pytest.mark.slow
def test_every_promised_figure_is_there_with_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pipelines.bench.features.features.peak_mib", lambda work, *args: (work(*args), 1.0)
    )  # a process each takes seconds
    result = run((2_000, 4_000), labels=500, rounds=1)
    figures = {f["name"]: f for f in result["figures"]}
    for tag in ("2k", "4k"):
        for name in ("build_seconds", "duckdb_seconds", "rows_per_s", "over_duckdb_cpu", "build_peak_mib", "duckdb_peak_mib"):
            assert figures[f"{name}_{tag}"]["value"] > 0
        assert figures[f"over_duckdb_{tag}"]["target"] == "≤ 1.3" and figures[f"over_duckdb_{tag}"]["holds"] is not None
    assert figures["growth_exponent"]["target"] == "≤ 1.05" and figures["growth_exponent"]["holds"] is not None
    assert figures["join_rows_in"]["value"] == figures["join_rows_out"]["value"] == 500 and figures["join_rows_out"]["holds"] is True
    assert figures["join_seconds"]["value"] > 0 and figures["join_peak_mib"]["value"] > 0
    assert figures["join_over_asof"]["value"] == pytest.approx(figures["join_seconds"]["value"] / figures["asof_seconds"]["value"])
    assert result["setup"]["impressions"] == (2_000, 4_000)
