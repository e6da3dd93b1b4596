"""Runs a market day by day into the event and catalogue tables of a state folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from pipelines.simulator.config import SOURCE, MarketConfig, load, save
from pipelines.simulator.day import Day, asked, live_day
from pipelines.simulator.images import draw
from pipelines.simulator.listings import Listings
from pipelines.simulator.logs import Log
from pipelines.simulator.past import morning, remember
from pipelines.simulator.search_log import searches, wants
from pipelines.simulator.truth import truth_file
from pipelines.simulator.world import World


@dataclass(frozen=True)
class DayReport:
    """Rows written for one day. conversions: of the day's clicks, whenever they arrive."""

    day: date
    requests: int
    impressions: int
    clicks: int
    conversions: int
    new_users: int
    new_creatives: int


@dataclass(frozen=True)
class SimulationReport:
    """What a run wrote, by day, in order."""

    days: tuple[DayReport, ...]

    @property
    def impressions(self) -> int:
        return sum(d.impressions for d in self.days)

    @property
    def clicks(self) -> int:
        return sum(d.clicks for d in self.days)

    @property
    def ctr(self) -> float:
        """Clicks per impression, in [0, 1]."""
        return self.clicks / max(self.impressions, 1)


def simulate(home: Home, config: MarketConfig, days: int, done: Callable[[DayReport], None] | None = None) -> SimulationReport:
    """Makes the market's first `days` days; `done` hears of each. Raises PipelineError when the folder holds another market."""
    config.day_number(config.first + timedelta(days=days - 1))
    save(home, config)
    world, reports = World.of(config), []
    for number in range(days):
        reports.append(_write_day(home, world, config.first + timedelta(days=number)))
        if done:
            done(reports[-1])
    return SimulationReport(tuple(reports))


def simulate_day(home: Home, day: date) -> DayReport:
    """One day of the folder's market; making it again, or days in any order or at once, gives the same bytes."""
    config = load(home)
    config.day_number(day)
    return _write_day(home, World.of(config), day)


def surroundings(home: Home, day: date) -> None:
    """What a day of the folder's market holds beside ads: its catalogue, newcomers, friendships and organic activity, and what comes that
    day of ads that the simulator showed before. Its ads are served, and logged, by somebody else."""
    config = load(home)
    number, world = config.day_number(day), World.of(config)
    _write_tables(home, day, _listed(home, world, number) | _around(Log(world, _quiet_day(world, number))))
    for file in sorted((home.truth / "arrivals" / f"day={day}").glob("*.parquet")):
        write_partition(pq.read_table(file, partitioning=None), home.partition("engagements", day) / file.name)


def _quiet_day(world: World, number: int) -> Day:
    """A day of which only the requests are known: nothing was shown for them."""
    nothing = {field.name: np.empty(0, np.int64) for field in fields(Day)}
    return Day(**{**nothing, "number": number, "requests": asked(world, number)})  # type: ignore[arg-type]


def _listed(home: Home, world: World, number: int) -> dict[str, pa.Table]:
    """The catalogue of a day; its pictures are drawn, too."""
    listings = Listings(world, number)
    if world.config.images:
        draw(home, world, listings.creatives)
    return listings.tables()


def _around(log: Log) -> dict[str, pa.Table]:
    return {"activity": log.activity(), "users": log.users(), "friendships": log.friendships()}


def _write_tables(home: Home, day: date, tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        if len(table):
            write_partition(table, home.partition(name, day) / f"{SOURCE}.parquet")


def _write_day(home: Home, world: World, day: date) -> DayReport:
    """Impressions come last: where they lie, the day is whole."""
    number = world.config.day_number(day)
    happened = live_day(world, number, morning(home, world, number))
    remember(home, world, number, happened.remembered)
    log, listed = Log(world, happened), _listed(home, world, number)
    searched = searches(world, number, happened.requests)
    _write_tables(home, day, listed | _around(log) | {"decisions": log.decisions(), "queries": searched})
    write_partition(log.decision_truth(), truth_file(home, "decisions", day))
    write_partition(wants(world, number, happened.requests), truth_file(home, "queries", day))
    write_partition(log.truth(), truth_file(home, "impressions", day))
    _deliver(home, day, log.engagements())
    write_partition(log.impressions(), home.partition("impressions", day) / f"{SOURCE}.parquet")
    return DayReport(
        day, len(happened.requests), len(happened.shown_ad), int(happened.clicked.sum()), int(happened.converted.sum()),
        int((world.people.joined == number).sum()), int((world.ads.live_from == number).sum()),
    )  # fmt: skip


def _deliver(home: Home, day: date, engagements: pa.Table) -> None:
    """Puts each engagement into the partition of the day on which it arrives; no log shows it before that day has been made. Engagements
    that arrive later wait under truth/, and when a day is made it takes in all that wait for it. A day's truth is written before this step,
    so when two days are made at once, the one that finishes later sees the other's."""
    waiting = home.truth / "arrivals"
    arrival = pc.cast(engagements["created_ts"], pa.date32())
    for when in sorted(set(pc.unique(arrival).to_pylist())):
        write_partition(engagements.filter(pc.equal(arrival, when)), waiting / f"day={when}" / f"{SOURCE}-{day}.parquet")
    made = {date.fromisoformat(p.stem[4:]) for p in (home.truth / "impressions").glob("day=*.parquet")}
    for when in sorted(made):
        for file in sorted((waiting / f"day={when}").glob("*.parquet")):
            target = home.partition("engagements", when) / file.name
            if when == day or file.stem.endswith(str(day)) or not target.exists():
                write_partition(pq.read_table(file, partitioning=None), target)


def default_start(days: int) -> date:
    """A market that ends yesterday, so that what is published from it is fresh today."""
    return datetime.now(UTC).date() - timedelta(days=days)
