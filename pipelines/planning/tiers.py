"""What lies in memory, on disks and in object storage, how large it is and what it costs a month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pipelines.planning.demand import Demand
from pipelines.planning.prices import Prices
from pipelines.planning.row_sizes import RowSizes

Tier = Literal["hot", "warm", "cold"]
TIERS: Final[tuple[Tier, ...]] = ("hot", "warm", "cold")
GIB: Final = 1024.0**3
REDIS_OVERHEAD: Final = 1.3
"""Bytes of Redis for a byte of keys, feature names and values in SQLite: the demo's 7,887 users, laid as Feast does (one hash a user, names
of four bytes), took 2,658 bytes each in Redis 7.0 where SQLite's rows have 2,073."""


@dataclass(frozen=True)
class Stored:
    """One kind of data in one tier. kept: for how long, in words. copies: how often it lies there; the cost is of all of them together."""

    tier: Tier
    name: str
    kept: str
    rows: float
    bytes_a_row: float
    copies: int
    cost_a_month: float

    @property
    def gib(self) -> float:
        """Of one copy."""
        return self.rows * self.bytes_a_row / GIB


def active_users(demand: Demand, sizes: RowSizes) -> float:
    """Different users of a mean day."""
    return min(float(demand.users), demand.requests_a_day / sizes.requests_a_user)


def tiers(demand: Demand, sizes: RowSizes, prices: Prices) -> tuple[Stored, ...]:
    """Everything that is kept, from the hottest tier to the coldest."""
    requests, active = demand.requests_a_day, active_users(demand, sizes)
    hot = demand.hot_hours / 24
    gib_month = {"hot": prices.cache_gib_month, "warm": prices.ssd_gib_month, "cold": prices.object_gib_month}
    copies = {"hot": 1 + prices.replicas, "warm": 1 + prices.replicas, "cold": 1}  # object storage keeps its copies itself
    lasting = {"hot": f"{demand.hot_hours} h", "warm": f"{demand.warm_days} d", "cold": f"{demand.cold_days} d"}

    def stored(tier: Tier, name: str, rows: float, size: float, kept: str = "") -> Stored:
        cost = rows * size / GIB * gib_month[tier] * copies[tier]
        return Stored(tier, name, kept or lasting[tier], rows, size, copies[tier], cost)

    return (
        stored("hot", "users' rows in the online store", demand.users, sizes.online_user * REDIS_OVERHEAD, "while published"),
        stored("hot", "sessions: activity of the day", requests * sizes.activities_a_request * hot, sizes.activity),
        stored("hot", "active users' embeddings", min(active * hot, demand.users), sizes.embedding),
        stored("warm", "recent activity", requests * sizes.activities_a_request * demand.warm_days, sizes.activity),
        stored("warm", "ad performance and vectors", demand.ads * demand.warm_days, sizes.ad_day),
        stored("warm", "decision records", requests * demand.warm_days, sizes.decision),
        stored("cold", "history: all event tables", requests * demand.cold_days, sizes.events_a_request),
        stored("cold", "decision records, compressed", requests * demand.cold_days, sizes.decision_packed),
        stored("cold", "training sets", requests * sizes.impressions_a_request * demand.cold_days, sizes.training),
    )
