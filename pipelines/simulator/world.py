"""Everything a market draws once: its people and its ads. Days are drawn from it, each alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa

from feature_repo.events import TIME
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.inventory import Inventory, Supply, stock
from pipelines.simulator.population import Floats, Population, populate, topic_map
from pipelines.simulator.tastes import Tastes, tastes

MICROSECOND = 1_000_000


@dataclass(frozen=True, eq=False)
class World:
    """The market's config with everything drawn from it once; equal to itself alone."""

    config: MarketConfig
    people: Population
    ads: Inventory

    @classmethod
    def of(cls, config: MarketConfig) -> World:
        return cls(config, populate(config), stock(config))

    def tastes(self, number: int) -> Tastes:
        """What everybody likes on a day."""
        return _tastes(self, number)

    @cached_property
    def likeness(self) -> Floats:
        """How alike two topics are, (categories, categories): the cosine of their places; 0 with the unknown one."""
        place = topic_map(self.config)
        length = np.linalg.norm(place, axis=1, keepdims=True)
        place = np.divide(place, length, out=np.zeros_like(place), where=length > 0)
        return np.asarray(place @ place.T)

    @property
    def items_per_topic(self) -> int:
        return max(self.config.users // 400, 10)

    def instant(self, number: int, seconds: Floats) -> pa.Array:
        """Moments of a day, from seconds since its start."""
        midnight = datetime.combine(self.config.first, datetime.min.time(), UTC) + timedelta(days=number)
        return pa.array(int(midnight.timestamp()) * MICROSECOND + (seconds * MICROSECOND).astype(np.int64), pa.int64()).cast(TIME)

    def tag(self, number: int) -> str:
        """What the identities of a day's events begin with, after a letter for their kind."""
        return f"{self.config.first.toordinal() + number}-"

    def live(self, number: int) -> Supply:
        """What can be bought and shown on a day."""
        return self.ads.live(number)


@lru_cache(maxsize=2)
def _tastes(world: World, number: int) -> Tastes:
    return tastes(world.config, world.people, number)
