"""Every day, and what is the matter with it: missing, empty, late, stale, future; or published, live, waiting to be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import pyarrow.parquet as pq

from feature_repo.days import days_between, today
from feature_repo.home import Home
from feature_repo.partition_file import lacking_features
from feature_repo.tables import TABLES
from pipelines.features.day_gate import DAILY, lacking, rows_of
from pipelines.features.day_inputs import UNWRITTEN, changed
from pipelines.features.published import live_day, published_days
from pipelines.warehouse.moved_days import cold_days
from serving.settings import Settings

State = Literal["missing", "empty", "late", "stale", "future", "published", "live", "waiting", "cold", "open", "older"]
MEANING: Final[dict[State, str]] = {
    "missing": "inputs that its sources declare have not come",
    "empty": "its inputs are there and hold no row",
    "late": "its inputs came after a later day was published: it is due",
    "stale": "it was published, and its inputs have changed since: it is due",
    "future": "it has not begun",
    "older": "it was published before features came that are built now: it is due",
    "published": "it is published, from the inputs that are there",
    "live": "the newest published day: its features serve",
    "waiting": "its inputs are there; it is newer than what is live",
    "cold": "it was moved to the cold tier: `placard retention restore --partition DAY` brings it back",
    "open": "it is today, and not over",
}
DUE: Final = ("late", "stale", "older")
WRONG: Final = ("missing", "empty", "late", "stale", "older", "future")
NAMED: Final = 3
"""Most files or features that a reason names."""
USUAL_DAYS: Final = 30
"""Days that are looked at where nobody says how many: as far as features look back."""


@dataclass(frozen=True)
class FeatureDay:
    """rows: that became known on the day, over the tables of what happens daily. why: of a day with which something is the matter."""

    day: date
    state: State
    rows: int
    published: bool
    live: bool
    why: str = ""

    @property
    def due(self) -> bool:
        """Whether it would come out otherwise if it were built now."""
        return self.state in DUE


def feature_days(settings: Settings) -> list[FeatureDay]:
    """Every day from the first that anything is known of to yesterday, and those after it that should not be there."""
    home, now = settings.home, today()
    published, live = {*published_days(home)}, live_day(home)
    cold = {day for name in DAILY for day in cold_days(home, name)}
    begun = {day for name in DAILY for day in home.days(name)} | _partly_published(home) | cold
    known = [*days_between(min(begun), now - timedelta(days=1)), *sorted(day for day in begun if day >= now)] if begun else []
    return [
        FeatureDay(day, "cold", 0, False, False) if day in cold else _looked_at(settings, day, day in published, day == live, live)
        for day in known
    ]


def rebuilding(found: Sequence[FeatureDay]) -> str:
    """The command that builds all of the days again that are due, "" where none is."""
    due = [d.day for d in found if d.due]
    return f"placard features rebuild --partition {due[-1]} --days {max((due[-1] - due[0]).days + 1, USUAL_DAYS)}" if due else ""


def back_fill(home: Home) -> str:
    """What published days lack of the present features, and the command that builds them; "" where they lack nothing."""
    found = {day: came for day in published_days(home) if (came := _came_since(home, day))}
    if not found:
        return ""
    names, first, last = _named({name for came in found.values() for name in came}), min(found), max(found)
    command = f"placard features rebuild --partition {last} --days {(last - first).days + 1}"
    return f"{names}: at the default before {last + timedelta(days=1)}; `{command}` back-fills it"


def due_days(settings: Settings, since: date, until: date) -> list[date]:
    """The days that are due, in order: a late one before those that read it."""
    return [found.day for found in feature_days(settings) if found.due and since <= found.day <= until]


def _partly_published(home: Home) -> set[date]:
    return {date.fromisoformat(p.name[4:]) for table in TABLES for p in home.features(table.name).glob("day=*")}


def _looked_at(settings: Settings, day: date, published: bool, is_live: bool, live: date | None) -> FeatureDay:
    rows = sum(rows_of(settings.home, name, day) for name in DAILY)

    def said(state: State, why: str = "") -> FeatureDay:
        return FeatureDay(day, state, rows, published, is_live, why)

    if day > today():
        return said(
            "future", "features of it are published: `placard features retract` takes them back" if published else "logs of it are there"
        )
    if day == today():
        return said("open")
    if absent := lacking(settings, day):
        nothing = rows == 0 and any(settings.home.partition(name, day).exists() for name in DAILY)
        why = f"no {', no '.join(absent)}" + ("; it is published from older data" if published else "")
        return said("empty" if nothing else "missing", why)
    if published and (other := _changed(settings.home, day)):
        return said("stale", _why_stale(other))
    if published and (came := _came_since(settings.home, day)):
        return said("older", f"without {_named(came)}")
    if published:
        return said("live" if is_live else "published")
    if live is not None and day < live:
        return said("late", f"{live} is live")
    return said("waiting")


def _changed(home: Home, day: date) -> list[str]:
    return sorted({name for table in TABLES for name in changed(home, table, day)})


def _came_since(home: Home, day: date) -> list[str]:
    """The features that the partitions of a day were built before."""
    found = ((table, home.feature_partition(table.name, day)) for table in TABLES)
    return [f"{t.name}.{f.name}" for t, file in found if file.exists() for f in lacking_features(t, pq.read_schema(file))]


def _why_stale(files: Collection[str]) -> str:
    if UNWRITTEN in files:
        return "it was published before inputs were written down; built again it says them, and is the same where nothing has changed"
    return f"changed: {_named(files)}"


def _named(things: Collection[str]) -> str:
    """The first few, and how many more there are."""
    first, more = sorted(things)[:NAMED], len(things) - NAMED
    return ", ".join(first) + (f" and {more:,} more" if more > 0 else "")
