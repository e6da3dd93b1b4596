from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.partition_file import write_partition
from feature_repo.sources import Home
from feature_repo.tables import TABLES
from pipelines.errors import Missing
from pipelines.monitor.drift import drift, reference_day
from pipelines.monitor.psi import psi
from pipelines.monitor.report import write_report

DAY, BEFORE = date(2026, 3, 9), date(2026, 3, 2)
MOVED = next((t.name, f.name) for t in TABLES for f in t.features if f.dtype == "float32")
RNG = np.random.default_rng(3)


def test_psi_by_hand() -> None:
    """Two words, 3:1 against 1:1: (0.75 - 0.5) ln 1.5 + (0.25 - 0.5) ln 0.5."""
    value, _ = psi(np.array(["a", "a", "a", "b"], object), np.array(["a", "b", "a", "b"], object))
    assert value == pytest.approx(0.25 * np.log(1.5) - 0.25 * np.log(0.5))


def test_no_change_stays_below_chance_999_times_of_1000() -> None:
    reference = RNG.normal(size=2_000)
    over = [value > chance for value, chance in (psi(reference, RNG.normal(size=300)) for _ in range(300))]
    assert sum(over) <= 4


@pytest.mark.parametrize("current", [RNG.normal(1.0, 1, 5_000), np.full(5_000, np.nan), np.zeros(5_000)])
def test_a_change_shows(current: np.ndarray) -> None:
    value, chance = psi(RNG.normal(size=5_000), current)
    assert value > 0.25 > chance


def test_a_constant_column_has_not_moved() -> None:
    assert psi(np.ones(50), np.ones(70))[0] == 0


def partition(day: date, shift: float) -> dict[str, pa.Table]:
    """Every table with 400 rows of random features; `shift` moves the feature MOVED."""
    rng, n, tables = np.random.default_rng(5), 400, {}
    for table in TABLES:
        columns: dict[str, pa.Array] = {table.entity: pa.array([f"e{i}" for i in range(n)])}
        for feature in table.features:
            noise = rng.normal(size=n) + (shift if (table.name, feature.name) == MOVED else 0)
            if feature.dtype == "vector":
                columns[feature.name] = pa.array(list(rng.normal(size=(n, feature.width))), feature.arrow)
            elif feature.dtype == "string":
                columns[feature.name] = pa.array(rng.choice(["x", "y"], n).tolist())
            else:
                columns[feature.name] = pa.array(
                    noise if feature.dtype == "float32" else (noise * 9).astype(int), feature.arrow
                )
        stamp = pa.array([datetime(day.year, day.month, day.day, tzinfo=UTC)] * n, table.schema.field(-1).type)
        tables[table.name] = pa.table([*columns.values(), stamp, stamp], schema=table.schema)
    return tables


def publish(home: Home, day: date, shift: float = 0.0) -> None:
    for name, table in partition(day, shift).items():
        write_partition(table, home.feature_partition(name, day))


def test_only_what_moved_is_named(home: Home) -> None:
    publish(home, BEFORE)
    publish(home, DAY, shift=3.0)
    result = drift(home, DAY)
    moved, still = result.figures[1], result.figures[2:]
    assert moved.name == ".".join(MOVED) and moved.holds is False
    assert all(f.holds for f in still)
    assert (result.figures[0].value, result.figures[0].holds) == (1, False)
    assert len(still) == sum(len(t.features) for t in TABLES) - 1


def test_the_reference_is_a_week_back_or_the_oldest(home: Home) -> None:
    for day in (date(2026, 3, 1), BEFORE, date(2026, 3, 8), DAY):
        publish(home, day)
    name = TABLES[0].name
    assert reference_day(home, name, DAY) == BEFORE
    assert reference_day(home, name, date(2026, 3, 8)) == date(2026, 3, 1)
    assert reference_day(home, name, BEFORE) == date(2026, 3, 1)
    assert reference_day(home, name, date(2026, 3, 1)) is None


def test_a_day_that_was_never_published_is_named(home: Home) -> None:
    with pytest.raises(Missing, match="2026-03-09"):
        drift(home, DAY)


def test_the_page_holds_every_figure_and_escapes_names(home: Home) -> None:
    publish(home, BEFORE)
    publish(home, DAY)
    result = drift(home, DAY)
    text = write_report(home, result).read_text()
    assert all(f.name in text for f in result.figures)
    again = write_report(home, result)
    assert again.read_text() == text and again.with_suffix(".json").exists()
