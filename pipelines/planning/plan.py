"""A plan: everything that a platform of a size needs, from one demand."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from pipelines.errors import PipelineError
from pipelines.planning.demand import Demand
from pipelines.planning.fleet import ANCHOR_A_MILLION, RegionFleet, fleet, requests_a_month
from pipelines.planning.hash_ring import VIRTUAL_NODES
from pipelines.planning.prices import EXAMPLE, Prices
from pipelines.planning.row_sizes import ON_THE_DEMO, RowSizes
from pipelines.planning.served_by import CacheSizes, ModelServing
from pipelines.planning.sharding import KEYS, Sharding, sharding
from pipelines.planning.tiers import TIERS, Stored, tiers
from serving.engine.stage_shares import StageShares
from serving.settings import Settings

MOST_WORKER_QPS: Final = 1e6


@dataclass(frozen=True)
class CapacityPlan:
    """What is to be set up.

    worker_qps: requests a second that one serving process answers within the p99 target, measured; rate_from: where that was measured.
    server_qps: of a machine, which runs one process a core. stage_ms: each stage's part of the p99 target.
    """

    name: str
    demand: Demand
    prices: Prices
    sizes: RowSizes
    worker_qps: float
    rate_from: str
    server_qps: float
    sharding: Sharding
    stored: tuple[Stored, ...]
    stage_ms: dict[str, float]
    fleet: tuple[RegionFleet, ...]
    models: ModelServing
    caches: CacheSizes

    @property
    def servers(self) -> int:
        return sum(region.servers for region in self.fleet)

    @property
    def servers_cost(self) -> float:
        """A month."""
        return sum(region.cost_a_month for region in self.fleet)

    def tier_cost(self, tier: str) -> float:
        """A month."""
        return sum(s.cost_a_month for s in self.stored if s.tier == tier)

    @property
    def cost_a_month(self) -> float:
        return self.servers_cost + sum(self.tier_cost(tier) for tier in TIERS)

    @property
    def serving_a_million(self) -> float:
        """What the servers and the hot tier cost for a million requests: without logs and history."""
        return (self.servers_cost + self.tier_cost("hot")) / requests_a_month(self.demand) * 1e6

    @property
    def cost_a_million(self) -> float:
        """What everything costs for a million requests."""
        return self.cost_a_month / requests_a_month(self.demand) * 1e6

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON holds it: every field, and the sums."""
        sums = {
            "servers": self.servers, "servers_cost_a_month": self.servers_cost, "cost_a_month": self.cost_a_month,
            "cost_a_million_requests": self.cost_a_million, "serving_cost_a_million_requests": self.serving_a_million,
            "anchor_a_million_requests": ANCHOR_A_MILLION,
            "tier_cost_a_month": {tier: self.tier_cost(tier) for tier in TIERS},
        }  # fmt: skip
        return {**asdict(self), "sums": sums}


def plan(
    demand: Demand, worker_qps: float, rate_from: str, name: str = "default", prices: Prices = EXAMPLE, sizes: RowSizes = ON_THE_DEMO,
    settings: Settings | None = None, virtual_nodes: int = VIRTUAL_NODES, keys: int = KEYS,
) -> CapacityPlan:  # fmt: skip
    """The plan for a demand. settings: whose shares of the deadline hold. keys: simulated for the measurements of the sharding. Raises
    PipelineError for a rate that cannot be."""
    if not 0 < worker_qps <= MOST_WORKER_QPS:
        raise PipelineError("requests a second of a worker", worker_qps, f"More than 0, and at most {MOST_WORKER_QPS:,.0f}.")
    server_qps = worker_qps * prices.server_cores
    shares = StageShares((settings or Settings()).engine.stage_shares).by_stage
    return CapacityPlan(
        name, demand, prices, sizes, worker_qps, rate_from, server_qps, sharding(demand, virtual_nodes, keys), tiers(demand, sizes, prices),
        {stage: share * demand.p99_ms for stage, share in shares.items()}, fleet(demand, server_qps, prices), ModelServing(), CacheSizes(),
    )  # fmt: skip
