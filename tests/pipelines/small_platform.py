"""One small simulated platform, built, checked and published day by day; tests that change it work on a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from feature_repo.table import FeatureTable
from serving.settings import Settings
from tests.worlds.copied import copied
from tests.worlds.small_market import DAYS


@dataclass(frozen=True)
class Platform:
    """Days 0 to 2 are live; day 3 is built and checked, and waits to be published."""

    home: Home
    days: tuple[date, ...] = DAYS

    @property
    def settings(self) -> Settings:
        return Settings(home_path=self.home.root)

    @property
    def live(self) -> date:
        return self.days[2]

    @property
    def waiting(self) -> date:
        return self.days[3]

    def rows(self, table: FeatureTable, day: date) -> pa.Table:
        """A published partition."""
        return pq.read_table(self.home.feature_partition(table.name, day), partitioning=None)

    def served_bytes(self) -> dict[str, bytes]:
        """The online store and everything under snapshots/, byte by byte."""
        files = [p for p in (*self.home.feast.rglob("*"), *self.home.snapshots.rglob("*")) if p.is_file()]
        return {str(p.relative_to(self.home.root)): p.read_bytes() for p in files}


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Not to be written to."""
    return Platform(Home(copied("tests.worlds.small_platform", tmp_path_factory.mktemp("features") / "placard")))


@pytest.fixture
def copy(platform: Platform, tmp_path: Path) -> Platform:
    """To be written to: another folder with the same content."""
    return Platform(Home(Path(shutil.copytree(platform.home.root, tmp_path / "placard", ignore=shutil.ignore_patterns("truth")))))


@pytest.fixture
def spoil() -> Callable[[Platform, FeatureTable, date, int], list[Any]]:
    """Puts values out of bounds into a staged partition's first rows; returns the entities of those rows."""

    def run(platform: Platform, table: FeatureTable, day: date, bad: int) -> list[Any]:
        path = platform.home.staged(table.name, day)
        rows = pq.read_table(path, partitioning=None).to_pylist()
        feature = next(f for f in table.features if f.low is not None)
        worse = feature.low - 1  # type: ignore[operator]
        for row in rows[:bad]:
            row[feature.name] = [worse] * feature.width if feature.dtype == "vector" else worse
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
        (path.parent / "validated.json").unlink(missing_ok=True)
        return [row[table.entity] for row in rows[:bad]]

    return run
