"""Takes a published day back: its features, what it brought online, its snapshot. The newest day that is left is live."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date

from feature_repo.days import end_of
from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.errors import Missing
from pipelines.features.online import bring_online
from pipelines.features.publish import make_live
from pipelines.features.published import live_day
from serving.settings import Settings
from serving.snapshot.manifest import POINTER


@dataclass(frozen=True)
class Retracted:
    """live, snapshot: what serves now; None and "" when no published day is left."""

    day: date
    tables: tuple[str, ...]
    live: date | None
    snapshot: str


def retract(settings: Settings, day: date) -> Retracted:
    """Any day, one to come above all. Done again after a death half-way it ends the same. Raises Missing for a day of which nothing is
    there."""
    home = settings.home
    with exclusive(home, "feast"):
        served = _snapshots_of(home, day)
        tables = tuple(t.name for t in TABLES if home.feature_partition(t.name, day).parent.exists())
        staged = [place for t in TABLES if (place := home.staged(t.name, day).parent).exists()]
        if not tables and not served and not staged:
            raise Missing("published day", str(day), "Nothing of it is there; `placard features days` lists what is.")
        for name in tables:
            shutil.rmtree(home.feature_partition(name, day).parent)
        for place in staged:  # else the next publication of the day would bring the same back
            shutil.rmtree(place)
        live, version = live_day(home), ""
        if live is not None:
            version, _ = make_live(settings, live)
        else:
            (home.snapshots / POINTER).unlink(missing_ok=True)
            bring_online(settings, None)
        for name in served:
            shutil.rmtree(home.snapshots / name, ignore_errors=True)
        return Retracted(day, tables, live, version)


def _snapshots_of(home: Home, day: date) -> list[str]:
    """Snapshots with the knowledge of the day's end, by their names."""
    return sorted(p.name for p in home.snapshots.glob(f"{end_of(day):%Y%m%dT%H%M}-*"))
