"""What people remember of the ads they saw: impressions of a campaign and of an advertiser, fading night by night."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from pipelines.simulator.population import Floats, Ints

FORGOTTEN: Final = 0.05
"""Remembered impressions below which nothing is left."""


@dataclass(frozen=True)
class Worn:
    """Impressions that people remember, of each ad's campaign and of its advertiser; of the shape of the ads that are asked about."""

    campaign: Floats
    advertiser: Floats


@dataclass(frozen=True)
class Memory:
    """What is remembered in the morning. key: (n,) ascending, user x campaigns + campaign; weight: (n,) impressions."""

    key: Ints
    weight: Floats

    @classmethod
    def empty(cls) -> Memory:
        return cls(np.empty(0, np.int64), np.empty(0))

    def after(self, shown: Ints, kept: float) -> Memory:
        """The next morning's, when the day showed `shown`, a key an impression."""
        key, place = np.unique(np.concatenate([self.key, shown]), return_inverse=True)
        weight = np.asarray(kept * np.bincount(place, np.concatenate([self.weight, np.ones(len(shown))]), len(key)), np.float64)
        left = weight >= FORGOTTEN
        return Memory(key[left], weight[left])

    def for_good(self, kept: float) -> Memory:
        """What is remembered where every day was like the one that this is left of."""
        return Memory(self.key, self.weight / (1 - kept))


@dataclass
class LivedDay:
    """A day's impressions upon what was remembered in the morning. owner: each campaign's advertiser, (campaigns,)."""

    memory: Memory
    owner: Ints
    _earlier: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    _lately: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        self._advertisers = len(self.owner) and int(self.owner.max()) + 1
        users, campaign = np.divmod(self.memory.key, max(len(self.owner), 1))
        self._by_owner, place = np.unique(users * self._advertisers + self.owner[campaign], return_inverse=True)
        self._owner_weight = np.asarray(np.bincount(place, self.memory.weight, len(self._by_owner)), np.float64)
        self._earlier_by_owner = self._lately_by_owner = np.empty(0, np.int64)

    def seen(self, user: Ints, campaign: Ints) -> Ints:
        """How often the day has shown each campaign to the user, of the shape of `campaign`; user broadcasts to it."""
        return self._count(self._earlier, self._lately, user * len(self.owner) + campaign)

    def worn(self, user: Ints, campaign: Ints) -> Worn:
        """What the user remembers of each campaign, the day's impressions included, of the shape of `campaign`."""
        of_campaign = user * len(self.owner) + campaign
        of_owner = user * self._advertisers + self.owner[campaign]
        return Worn(
            _weight(self.memory.key, self.memory.weight, of_campaign) + self._count(self._earlier, self._lately, of_campaign),
            _weight(self._by_owner, self._owner_weight, of_owner) + self._count(self._earlier_by_owner, self._lately_by_owner, of_owner),
        )

    def add(self, user: Ints, campaign: Ints) -> None:
        """The day shows ads of these campaigns, one a user and campaign of equal places."""
        self._lately = np.sort(np.concatenate([self._lately, user * len(self.owner) + campaign]))
        of_owner = user * self._advertisers + self.owner[campaign]
        self._lately_by_owner = np.sort(np.concatenate([self._lately_by_owner, of_owner]))

    def settle(self) -> None:
        """Puts what came lately to what came earlier; large days stay fast when this happens now and then."""
        self._earlier, self._earlier_by_owner = self.shown, np.sort(np.concatenate([self._earlier_by_owner, self._lately_by_owner]))
        self._lately = self._lately_by_owner = np.empty(0, np.int64)

    @property
    def shown(self) -> Ints:
        """The day's impressions, ascending keys user x campaigns + campaign."""
        return np.sort(np.concatenate([self._earlier, self._lately]))

    @staticmethod
    def _count(earlier: Ints, lately: Ints, wanted: Ints) -> Ints:
        counts = [np.searchsorted(keys, wanted, side="right") - np.searchsorted(keys, wanted, side="left") for keys in (earlier, lately)]
        return np.asarray(counts[0] + counts[1])


def _weight(keys: Ints, weight: Floats, wanted: Ints) -> Floats:
    """The weight of each wanted key among ascending keys, 0 where it is not among them."""
    if not len(keys):
        return np.zeros(wanted.shape)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, weight[at], 0.0)
