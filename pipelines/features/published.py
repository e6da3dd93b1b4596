"""Which days' features are published, and which of them is live."""

from __future__ import annotations

from datetime import date

from feature_repo.days import today
from feature_repo.home import Home
from feature_repo.tables import TABLES


def published_days(home: Home) -> list[date]:
    """Days for which every table has a published partition, ascending."""
    each = [{date.fromisoformat(p.parent.name[4:]) for p in home.features(t.name).glob("day=*/part.parquet")} for t in TABLES]
    return sorted(set.intersection(*each))


def live_day(home: Home) -> date | None:
    """The newest published day that has ended; None when there is none. A day to come is nobody's present."""
    return max((day for day in published_days(home) if day < today()), default=None)
