"""How many servers a region needs, and what a million requests cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pipelines.planning.demand import Demand
from pipelines.planning.prices import HOURS_A_MONTH, Prices
from pipelines.planning.sharding import GROWTH

SPARE: Final = 2
"""Servers of a region beyond those that its peak needs: one may fail while another is being replaced (N+2)."""
ANCHOR_A_MILLION: Final = 0.95
"""US dollars a million requests: what is public of an audio demand-side platform, 350 million requests a day for under 10,000 dollars a
month."""


@dataclass(frozen=True)
class RegionFleet:
    """The servers of one region. peak_qps: requests a second in its busiest hour. servers: spare ones included."""

    region: str
    peak_qps: float
    servers: int
    cost_a_month: float


def fleet(demand: Demand, server_qps: float, prices: Prices) -> tuple[RegionFleet, ...]:
    """Servers by region. server_qps: requests a second that one server answers within the p99 target, measured."""
    out = []
    for region in demand.regions:
        servers = math.ceil(demand.qps_of(region) / server_qps * GROWTH) + SPARE
        cost = (servers * prices.server_hour + prices.balancer_hour) * HOURS_A_MONTH
        out.append(RegionFleet(region, demand.qps_of(region), servers, cost))
    return tuple(out)


def requests_a_month(demand: Demand) -> float:
    return demand.requests_a_day * HOURS_A_MONTH / 24
