"""Collects one day from every daily source: what a scheduler calls before features are built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from sqlite3 import DatabaseError
from typing import Final

import pyarrow.parquet as pq
from msgspec import MsgspecError

from feature_repo.days import refuse_future
from feature_repo.home import Home
from pipelines.errors import Missing
from pipelines.ingest.collect import FileCount, Ingested, total
from pipelines.ingest.format import IngestError
from pipelines.ingest.serving_log import SERVING, ingest_served
from pipelines.simulator.config import SOURCE, load, path
from pipelines.simulator.simulate import simulate_day
from serving.eventlog.memory import MemoryEventLog
from serving.eventlog.opening import served_log
from serving.settings import Settings


@dataclass(frozen=True)
class Collected:
    """outcome: `collected`, or why there was nothing to collect."""

    source: str
    outcome: str
    ingested: Ingested | None = None


COLLECTED: Final = "collected"


DECLARED: Final[dict[str, tuple[str, ...]]] = {"simulator": ("decisions", "impressions", "activity"), SERVING: ()}
"""The tables that have rows on every day of a source. Nobody may have asked for an ad all day: serving declares none."""


def declared(settings: Settings, day: date) -> list[str]:
    """The tables that must have rows on the day, by the setting `sources`: those of a market only on the days that it covers."""
    home, found = settings.home, set[str]()
    for source in settings.ingest.sources:
        if source != SOURCE or (path(home).exists() and 0 <= (day - load(home).first).days < load(home).horizon_days):
            found |= {*DECLARED.get(source, ())}
    return sorted(found)


def collect_day(settings: Settings, day: date, sources: Sequence[str]) -> list[Collected]:
    """One entry per source, in order. Raises IngestError for a source that has no days, FeatureError for a day to come."""
    refuse_future(day)
    for source in sources:
        if source not in DAILY:
            raise IngestError("setting sources", source, f"Sources that are collected daily: {', '.join(DAILY)}.")
    return [DAILY[source](settings, day) for source in sources]


def _simulator(settings: Settings, day: date) -> Collected:
    """Makes the day when a market exists and the day is missing; a day that is there counts as duplicated."""

    home = settings.home
    if not path(home).exists():
        return Collected(SOURCE, "no market has been made; `placard simulate` makes one")
    config = load(home)
    if not 0 <= (day - config.first).days < config.horizon_days:
        return Collected(SOURCE, f"the market covers {config.horizon_days} days from {config.first}")
    there = (home.partition("impressions", day) / f"{SOURCE}.parquet").exists()
    if not there:
        simulate_day(home, day)
    rows = _rows(home, day, SOURCE)
    counts = [FileCount(n, "log", "", r, 0 if there else r, 0, r if there else 0, "") for n, r in rows.items()]
    return Collected(SOURCE, COLLECTED, total(SOURCE, counts, {} if there else rows, [day]))


def _rows(home: Home, day: date, source: str) -> dict[str, int]:
    """Rows of the tables a source made for a day."""
    files = {n: home.partition(n, day) / f"{source}.parquet" for n in ("decisions", "impressions", "activity", "queries")}
    return {n: pq.read_metadata(f).num_rows for n, f in files.items() if f.exists()}


def _serving(settings: Settings, day: date) -> Collected:
    try:
        with served_log(settings) as log:
            if isinstance(log, MemoryEventLog):
                return Collected(SERVING, "nothing has been served; `placard serve` does", total(SERVING, [], {}, []))
            return Collected(SERVING, COLLECTED, ingest_served(settings.home, log, day, settings.ingest.most_bad_share))
    except (MsgspecError, DatabaseError) as error:
        place = settings.home.eventlog if settings.profile == "embedded" else "redis"
        raise Missing(
            f"event log of {day}", str(place), f"It cannot be read: {error}. Nothing has landed; restore it from a backup."
        ) from None


DAILY: Final[dict[str, Callable[[Settings, date], Collected]]] = {"simulator": _simulator, SERVING: _serving}
