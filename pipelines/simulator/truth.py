"""What only the simulator knows. Evaluation alone may read it: an import contract says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.home import Home
from feature_repo.taxonomy import DEVICES, SURFACES
from pipelines.errors import Missing
from pipelines.simulator import clicks
from pipelines.simulator.chances import chances
from pipelines.simulator.columns import numbered, word
from pipelines.simulator.config import Laws, load
from pipelines.simulator.day import asked
from pipelines.simulator.inventory import SLOTS
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.requests import Requests
from pipelines.simulator.search_log import QUERY_TRUTH, searches, wants
from pipelines.simulator.shown_before import ShownBefore
from pipelines.simulator.words import LANGUAGES, REGIONS
from pipelines.simulator.world import World

IMPRESSION_TRUTH = pa.schema(
    [
        ("impression_id", pa.string()),
        ("p_click", pa.float64()),
        ("p_conversion", pa.float64()),  # given a click
        ("examination", pa.float64()),
        ("seen_today", pa.int32()),  # impressions of the campaign to the user before, that day
        ("weariness", pa.float64()),  # log-odds that the user's memory of the campaign and its advertiser took away
        ("rival_micros", pa.int64()),  # rivals' best eCPM, micros per thousand
        ("delay_hours", pa.float64()),  # mean of the exponential delay of a conversion after its click
        ("bot", pa.bool_()),
    ]
)
DECISION_TRUTH = pa.schema([("decision_id", pa.string()), ("rival_micros", pa.int64()), ("bot", pa.bool_())])
"""Every request, also those that rivals won."""


@dataclass(frozen=True)
class MarketTruth:
    """The laws behind every day. examination: P(looked at) by surface, at positions 1, 2, ..."""

    laws: Laws
    examination: dict[str, tuple[float, ...]]


def market_truth(home: Home) -> MarketTruth:
    """The laws of the folder's market. Raises Missing when there is none."""
    config = load(home)
    curves = {}
    for code, surface in enumerate(SURFACES):
        position = np.arange(1, SLOTS[surface] + 1)
        curves[surface] = tuple(clicks.examination(config, np.full(len(position), code), position).tolist())
    return MarketTruth(config.laws, curves)


def impression_truth(home: Home, first: date | None = None, last: date | None = None) -> pa.Table:
    """The truth of every impression of the days first..last (both included), schema IMPRESSION_TRUTH. Missing when absent."""
    return _read(home, "impressions", first, last)


def decision_truth(home: Home, first: date | None = None, last: date | None = None) -> pa.Table:
    """The truth of every request of the days first..last (both included), schema DECISION_TRUTH. Missing when absent."""
    return _read(home, "decisions", first, last)


class Judge:
    """What only the simulator knows of any ad for any visit of a day, also of a day that has not been made. before: what people have seen
    until now; by default nothing."""

    def __init__(self, home: Home, day: date, before: ShownBefore | None = None) -> None:
        config = load(home)
        self._world, self._number = World.of(config), config.day_number(day)
        self._before = before or ShownBefore(self._world)
        self._requests = asked(self._world, self._number)
        self._tag = f"q{self._world.tag(self._number)}"

    def searches(self) -> pa.Table:
        """The day's searches with what they want: events.QUERY and QUERY_TRUTH. Bots search for nothing that counts: left out."""
        asked, wanted = (table(self._world, self._number, self._requests) for table in (searches, wants))
        for name in QUERY_TRUTH.names[1:]:
            asked = asked.append_column(name, wanted[name])
        people = self._requests.user[self._requests.surface == 0]
        return asked.filter(pa.array(~self._world.people.bot[people]))

    def askers(self, surface: str) -> pa.Table:
        """Who asks for ads on a surface that day, in order of time: query_id, ts, user_id, device, region, language. No bots."""
        people, code = self._world.people, SURFACES.index(surface)
        rows = np.flatnonzero((self._requests.surface == code) & ~people.bot[self._requests.user])
        asked = self._requests.rows(rows)
        return pa.table(
            {
                "query_id": numbered(self._tag, rows), "ts": self._world.instant(self._number, asked.second),
                "user_id": word(people.ids, asked.user), "device": word(DEVICES, asked.device),
                "region": word(REGIONS, people.region[asked.user]), "language": word(LANGUAGES, people.language[asked.user]),
            }
        )  # fmt: skip

    def answers(self, query_id: str, creatives: Sequence[str]) -> Floats:
        """How well each creative answers the search, shape (k,) in [0, 1]."""
        return np.asarray(clicks.answers(self._world, self._asked(query_id), _numbers(creatives)[None, :])[0])

    def p_click(self, query_id: str, creatives: Sequence[str]) -> Floats:
        """P(click) of each creative at the first position, shape (k,), for a person who has seen what they have."""
        ads = _numbers(creatives)
        return chances(self._world, self._number, self._asked(query_id), ads, np.ones(len(ads), np.int64), self._before).wanted

    def is_bot(self, query_id: str) -> bool:
        """Whether no person asks: clicks come whatever is shown, and are worth nothing."""
        return bool(self._world.people.bot[int(self._asked(query_id).user[0])])

    def p_conversion(self, query_id: str, creatives: Sequence[str]) -> Floats:
        """P(conversion | click) of each creative, shape (k,)."""
        ads = _numbers(creatives)
        return clicks.conversion(self._world, self._number, np.repeat(self._asked(query_id).user, len(ads)), ads)

    def _asked(self, query_id: str) -> Requests:
        return self._requests.rows(np.array([int(query_id.removeprefix(self._tag))]))


def _numbers(creatives: Sequence[str]) -> Ints:
    return np.array([int(c[1:]) for c in creatives], np.int64)


def truth_file(home: Home, what: str, day: date) -> Path:
    return home.truth / what / f"day={day}.parquet"


def _read(home: Home, what: str, first: date | None, last: date | None) -> pa.Table:
    files = [
        f
        for f in sorted((home.truth / what).glob("day=*.parquet"))
        if (first is None or date.fromisoformat(f.stem[4:]) >= first) and (last is None or date.fromisoformat(f.stem[4:]) <= last)
    ]
    if not files:
        raise Missing("truth", str(home.truth), "Only a simulated market has one: `placard simulate`.")
    return pa.concat_tables(pq.read_table(f, partitioning=None) for f in files)
