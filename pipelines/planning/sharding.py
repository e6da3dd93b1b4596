"""How users are spread over shards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.errors import PipelineError
from pipelines.planning.demand import Demand
from pipelines.planning.hash_ring import VIRTUAL_NODES, HashRing, even_ring, hashed

GROWTH: Final = 1.5
"""Room for growth: times the shards, and the servers, that today's demand needs."""
KEYS: Final = 10_000_000
"""Simulated keys over which the load is measured."""
ADDED: Final = 0.1
"""Share of shards that is added in the measurement of how many keys move."""


@dataclass(frozen=True)
class RegionShards:
    """The shards of one region, and what was measured over simulated keys.

    first: number of its first shard; they are numbered on through all regions. virtual_nodes: points of each shard on the region's ring.
    expected: the fullest shard over the mean, by the ring itself. measured: the same, over `keys` simulated keys. added: shards that were
    added; moved: the share of keys that moved; least: the share that must, added ÷ all shards then.
    """

    region: str
    shards: int
    first: int
    virtual_nodes: int
    expected: float
    measured: float
    keys: int
    added: int
    moved: float
    least: float

    @property
    def names(self) -> list[str]:
        return shard_names(self.region, self.first, self.shards)

    @property
    def moved_over_least(self) -> float:
        return self.moved / self.least


@dataclass(frozen=True)
class Sharding:
    """The shards of a plan, by region."""

    shards: int
    regions: tuple[RegionShards, ...]

    @property
    def virtual_nodes(self) -> int:
        """The most of any region."""
        return max(r.virtual_nodes for r in self.regions)

    def ring(self, region: str) -> HashRing:
        """Raises PipelineError for a region that the plan has not."""
        for r in self.regions:
            if r.region == region:
                return HashRing.of(r.names, r.virtual_nodes)
        raise PipelineError("region", region, f"The plan's regions: {', '.join(r.region for r in self.regions)}.")


def shard_names(region: str, first: int, count: int) -> list[str]:
    return [f"{region}-{n:05d}" for n in range(first, first + count)]


def by_largest_remainder(total: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Whole parts of a total in proportion to the weights (Hamilton's method), each at least 1; where there are fewer than one for each,
    each has 1 and the total grows."""
    if total <= len(weights):
        return dict.fromkeys(weights, 1)
    whole = math.fsum(weights.values())
    exact = {name: total * weight / whole for name, weight in weights.items()}
    parts = {name: math.floor(share) for name, share in exact.items()}
    remainders = sorted(exact, key=lambda name: (parts[name] - exact[name], name))
    for name in remainders[: total - sum(parts.values())]:
        parts[name] += 1
    for name in [n for n, part in parts.items() if part == 0]:  # who has none gets one of the largest
        parts[max(parts, key=lambda n: (parts[n], n))] -= 1
        parts[name] = 1
    return parts


def shards_needed(demand: Demand) -> int:
    return math.ceil(demand.users * GROWTH / demand.users_per_shard)


def sharding(demand: Demand, virtual_nodes: int = VIRTUAL_NODES, keys: int = KEYS) -> Sharding:
    """Shards for the demand. keys: the most that are simulated, over all regions together, as their users are."""
    wanted = by_largest_remainder(shards_needed(demand), demand.regions)
    out: list[RegionShards] = []
    first = 0
    for region, count in wanted.items():
        drawn = max(int(min(keys, demand.users) * demand.regions[region] / 100), 1)
        out.append(_region(region, first, count, virtual_nodes, drawn))
        first += count
    return Sharding(first, tuple(out))


def _region(region: str, first: int, count: int, virtual_nodes: int, keys: int) -> RegionShards:
    ring = even_ring(shard_names(region, first, count), virtual_nodes)
    hashes = hashed(f"{region}:u{n}" for n in range(keys))
    held = np.bincount(ring.places(hashes), minlength=count)
    added = max(round(count * ADDED), 1)
    larger = HashRing.of([*ring.shards, *(f"{name}+" for name in shard_names(region, first, added))], ring.virtual_nodes)
    return RegionShards(
        region, count, first, ring.virtual_nodes, ring.max_over_mean, float(held.max() / held.mean()), keys, added,
        ring.moved(larger, hashes), added / (count + added),
    )  # fmt: skip
