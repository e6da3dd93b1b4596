"""What each person has been shown, and what they have hidden: the memory from which fatigue comes."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from feature_repo.home import Home
from pipelines.simulator.inventory import Inventory
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.world import World

REMEMBERED_DAYS: Final = 28
"""How far back the logs are read."""


class ShownBefore:
    """Impressions and hides by person. Moments are in days since the market's first midnight; users and ads are numbers."""

    def __init__(self, ads: Inventory) -> None:
        self._campaign = ads.creative_campaign
        self._advertiser = ads.campaign_advertiser[ads.creative_campaign]
        self._shown: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
        self._hidden: defaultdict[int, set[int]] = defaultdict(set)

    @classmethod
    def of_logs(cls, world: World, home: Home, day: date) -> ShownBefore:
        """As the event tables of the days before `day` say it."""
        memory, first = cls(world.ads), day - timedelta(days=REMEMBERED_DAYS)
        midnight = np.datetime64(world.config.first, "us")
        for name in ("impressions", "engagements"):
            for file in home.files(name, first, day - timedelta(days=1)):
                rows = pq.read_table(
                    file, columns=["user_id", "creative_id", "ts", *(["kind"] if name == "engagements" else [])], partitioning=None
                )
                at = (rows["ts"].to_numpy().astype("datetime64[us]") - midnight) / np.timedelta64(1, "D")
                kinds = rows["kind"].to_pylist() if "kind" in rows.column_names else ["impression"] * len(rows)
                for kind, user, ad, moment in zip(
                    kinds, rows["user_id"].to_pylist(), rows["creative_id"].to_pylist(), at.tolist(), strict=True
                ):
                    if kind == "impression":
                        memory.show(int(user[1:]), int(ad[1:]), moment)
                    elif kind == "hide":
                        memory.hide(int(user[1:]), int(ad[1:]))
        return memory

    def show(self, user: int, ad: int, at: float) -> None:
        """Remembers an impression."""
        self._shown[user].append((at, ad))

    def hide(self, user: int, ad: int) -> None:
        """Remembers that a person wants to see an ad no more."""
        self._hidden[user].add(ad)

    def hidden(self, user: int) -> frozenset[int]:
        """The ads that a person has hidden."""
        return frozenset(self._hidden.get(user, ()))

    def seen_today(self, user: int, ads: Ints, at: float) -> Ints:
        """Impressions of each ad's campaign to the user from the midnight before `at` on, the shape of `ads`."""
        seen = np.array([ad for moment, ad in self._shown.get(user, ()) if np.floor(at) <= moment <= at], np.int64)
        return np.asarray(_counted(self._campaign, seen, np.ones(len(seen)))[self._campaign[ads]].astype(np.int64))

    def decayed(self, user: int, ads: Ints, at: float, half_life_days: float) -> tuple[Floats, Floats]:
        """Impressions before `at` of each ad's campaign and of its advertiser to the user, each counted as half after every
        `half_life_days`; both of the shape of `ads`."""
        before = [(moment, ad) for moment, ad in self._shown.get(user, ()) if moment <= at]
        seen = np.array([ad for _, ad in before], np.int64)
        weight = 0.5 ** ((at - np.array([moment for moment, _ in before])) / half_life_days)
        of_campaign, of_advertiser = (_counted(group, seen, weight)[group[ads]] for group in (self._campaign, self._advertiser))
        return of_campaign, of_advertiser


def _counted(group: Ints, seen: Ints, weight: Floats) -> Floats:
    """The sum of weights by group."""
    return np.asarray(np.bincount(group[seen], weight, minlength=int(group.max()) + 1), np.float64)
