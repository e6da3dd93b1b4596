"""What each person has been shown: the memory from which fatigue comes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from datetime import date, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.home import Home
from pipelines.simulator.memory import Worn
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.world import World

REMEMBERED_DAYS: Final = 28
"""How far back the logs are read."""


class ShownBefore:
    """Impressions by person. Moments are in days since the market's first midnight; users and ads are numbers."""

    def __init__(self, world: World) -> None:
        ads, self._kept = world.ads, world.config.laws.kept
        self._campaign = ads.creative_campaign
        self._advertiser = ads.campaign_advertiser[ads.creative_campaign]
        self._moments: defaultdict[int, list[float]] = defaultdict(list)
        self._shown: defaultdict[int, list[int]] = defaultdict(list)

    @classmethod
    def of_logs(cls, world: World, home: Home, day: date) -> ShownBefore:
        """As the event tables of the days before `day` say it."""
        memory, first = cls(world), day - timedelta(days=REMEMBERED_DAYS)
        midnight = np.datetime64(world.config.first, "us")
        known = {name: n for n, name in enumerate(world.people.ids.tolist())}
        shown = list[tuple[float, int, int]]()
        for file in home.files("impressions", first, day - timedelta(days=1)):
            rows = pq.read_table(file, columns=["user_id", "creative_id", "ts"], partitioning=None)
            at = (rows["ts"].to_numpy().astype("datetime64[us]") - midnight) / np.timedelta64(1, "D")
            shown += [(moment, user, ad) for moment, (user, ad) in zip(at.tolist(), _pairs(rows, known), strict=True)]
        for moment, user, ad in sorted(one for one in shown if one[1] >= 0):
            memory.show(user, ad, moment)
        return memory

    def show(self, user: int, ad: int, at: float) -> None:
        """Remembers an impression. Those of a user come in order of time."""
        self._moments[user].append(at)
        self._shown[user].append(ad)

    def seen_today(self, user: int, ads: Ints, at: float) -> Ints:
        """Impressions of each ad's campaign to the user from the midnight before `at` on, the shape of `ads`."""
        seen = self._between(user, float(np.floor(at)), at)[1]
        return np.asarray(_counted(self._campaign, seen, np.ones(len(seen)))[self._campaign[ads]].astype(np.int64))

    def worn(self, user: int, ads: Ints, at: float) -> Worn:
        """What the user remembers at `at` of each ad's campaign and of its advertiser: every night leaves a share of an impression."""
        moments, seen = self._between(user, -np.inf, at)
        weight = self._kept ** (np.floor(at) - np.floor(moments))
        return Worn(*(_counted(group, seen, weight)[group[ads]] for group in (self._campaign, self._advertiser)))

    def _between(self, user: int, since: float, at: float) -> tuple[Floats, Ints]:
        """The moments and the ads of the user's impressions from `since` to `at`, both included."""
        moments = self._moments.get(user, [])
        part = slice(bisect_left(moments, since), bisect_right(moments, at))
        return np.array(moments[part], np.float64), np.array(self._shown.get(user, [])[part], np.int64)


def _counted(group: Ints, seen: Ints, weight: Floats) -> Floats:
    """The weight of the ads seen by group, (groups,)."""
    return np.asarray(np.bincount(group[seen], weight, minlength=int(group.max()) + 1), np.float64)


def _pairs(rows: pa.Table, known: dict[str, int]) -> list[tuple[int, int]]:
    """User and ad of each row by their numbers; -1 for a user whom the market does not know."""
    users, ads = (rows[name].to_pylist() for name in ("user_id", "creative_id"))
    return [(known.get(user, -1), int(ad[1:])) for user, ad in zip(users, ads, strict=True)]
