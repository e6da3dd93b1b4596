"""The gate before a day's build: the inputs that its sources declare are there, and about as much of them as of other days."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import median
from typing import Final

import pyarrow.parquet as pq

from feature_repo.days import refuse_unended, today
from feature_repo.home import Home
from pipelines.errors import Missing, Refused
from pipelines.ingest.day import declared
from pipelines.warehouse.moved_days import require_warm
from serving.settings import Settings

DAILY: Final = ("decisions", "impressions", "engagements", "activity", "queries")
"""Tables of what happens every day; one of them at least has rows on a day that is one."""
LOOK_BACK: Final = 7
"""Days whose median is the usual number of rows; a day without any counts, so that a table that comes now and then asks for nothing."""


def rows_of(home: Home, name: str, day: date) -> int:
    """Rows of a table that became known on a day."""
    return sum(pq.read_metadata(f).num_rows for f in home.files(name, day, day))


def lacking(settings: Settings, day: date) -> list[str]:
    """The tables that the sources declare for the day and that have no row; "every log" where nothing at all has come."""
    rows = {name: rows_of(settings.home, name, day) for name in DAILY}
    if not any(rows.values()):
        return ["every log"]
    return [name for name in declared(settings, day) if not rows.get(name, 1)]


def nothing_to_build(settings: Settings, day: date) -> list[str]:
    """What `lacking` says of a day that has ended; nothing of one that may still bring it."""
    return lacking(settings, day) if day < today() else []


def thin(settings: Settings, day: date) -> list[str]:
    """The tables with much fewer rows than on the days before, each with its figures."""
    share, found = settings.features.least_input_share, []
    for name in DAILY:
        usual = median(rows_of(settings.home, name, day - timedelta(days=n)) for n in range(1, LOOK_BACK + 1))
        if (rows := rows_of(settings.home, name, day)) < share * usual:
            found.append(f"{rows:,} {name} where {usual:,.0f} are usual")
    return found


def require_inputs(settings: Settings, day: date) -> None:
    """Raises FeatureError for a day that has not ended, Missing for one without its inputs, Refused for one with far too few rows."""
    refuse_unended(day)
    for name in DAILY:
        require_warm(settings.home, name, day, day)
    if absent := lacking(settings, day):
        raise Missing(
            f"inputs of {day}", ", ".join(absent), "Collect them: `placard ingest day --partition`; `placard features days` lists all days."
        )
    if few := thin(settings, day):
        raise Refused(
            f"inputs of {day}",
            "; ".join(few),
            f"Less than {settings.features.least_input_share:.0%} is taken for a broken delivery: collect the rest, or lower the setting"
            " least_input_share.",
        )
