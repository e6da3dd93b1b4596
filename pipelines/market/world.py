"""Everything a market draws once: its people and its ads. Days are drawn from it, each alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.market.config import MarketConfig
from pipelines.market.inventory import Inventory, Live, stock
from pipelines.market.population import Floats, Population, populate

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

    @cached_property
    def interest_steps(self) -> Floats:
        """Cumulative interest shares, (users, categories): where a uniform number falls is a category."""
        return np.asarray(np.cumsum(self.people.interest_share, axis=1))

    @property
    def items_per_topic(self) -> int:
        return max(self.config.users // 400, 10)

    def live(self, number: int) -> Live:
        """What can be bought and shown on a day."""
        return self.ads.live(number)
