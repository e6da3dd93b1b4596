"""A day's features, as `placard features build` makes them."""

from __future__ import annotations

from datetime import date

from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.features.build import build


def build_all(home: Home, day: date) -> None:
    """Every table of the day, into staging."""
    for table in TABLES:
        build(home, table, day)
