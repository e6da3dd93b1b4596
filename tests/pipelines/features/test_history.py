"""Days that are built side by side come to what days one after the other come to, pages and all."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from feature_repo.days import days_between
from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.errors import Missing
from pipelines.features.history import FEWEST_DAYS, build_days
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.simulate import simulate

FIRST = date(2026, 1, 5)
DAYS = list(days_between(FIRST, FIRST + timedelta(days=FEWEST_DAYS - 1)))


@pytest.fixture
def logs(home: Home) -> Home:
    simulate(home, MarketConfig(start=str(FIRST), users=200, creatives=40, impressions_per_day=600, images=False), len(DAYS))
    return home


@pytest.mark.slow
def test_side_by_side_is_one_after_the_other(logs: Home, tmp_path: Path) -> None:
    other = Home(Path(shutil.copytree(logs.root, tmp_path / "other")))
    said: list[str] = []
    assert build_days(logs, DAYS, 1, "factorisation") == build_days(other, DAYS, 2, "factorisation", said.append)
    assert sorted(said) == sorted(f"{day} {table.name}" for day in DAYS for table in TABLES)
    for day in DAYS:
        for table in TABLES:
            assert other.staged(table.name, day).read_bytes() == logs.staged(table.name, day).read_bytes()
    index = (other.data_docs / "index.html").read_text()
    assert all(f"{table.name}/{day}.html" in index for day in DAYS for table in TABLES)


def test_a_day_that_fails_fails_them_all(home: Home) -> None:
    with pytest.raises(Missing, match="Ingest or simulate"):
        build_days(home, DAYS, 2, "factorisation")
