"""Four simulated days of a small market: days 0 to 2 are built, checked and published; day 3 is built and checked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.features.publish import publish
from pipelines.features.validate import validate
from pipelines.simulator.simulate import simulate
from serving.settings import Settings
from tests.pipelines.built_day import build_all
from tests.worlds.small_market import DAYS, SMALL


def checked(home: Home, day: date) -> None:
    build_all(home, day)
    for table in TABLES:
        validate(home, table, day)


def make(folder: Path) -> None:
    home = Home(folder)
    simulate(home, SMALL, len(DAYS))
    for day in DAYS[:3]:
        checked(home, day)
    publish(Settings(home_path=home.root), DAYS[:3])
    checked(home, DAYS[3])
