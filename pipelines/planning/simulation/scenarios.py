"""Bad hours, as a machine of a plan meets them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pipelines.planning.plan import CapacityPlan

BEFORE: Final = 30.0
"""Seconds before a disturbance."""
AFTER: Final = 60.0
"""Seconds that are looked at after its end."""
HOURS: Final = 24
HOUR: Final = 10.0
"""Seconds that stand for an hour of the day."""
READ_MISSED: Final = 0.0005
"""Seconds of the core for a user's row that no cache has: what Feast takes."""
STORE_SLOW: Final = 0.2
"""Seconds for which a slow shard lets a read wait; the deadline may end it before."""


@dataclass(frozen=True)
class Scenario:
    """load: requests a second of the machine at a moment, in times of its rate at the planned peak. added_work, seconds of the core, and
    waiting, (share of requests, seconds), come on top. begins, ends: of the disturbance, seconds; lasts: of the whole."""

    name: str
    about: str
    lasts: float
    begins: float
    ends: float
    load: Callable[[float], float] = field(default=lambda at: 1.0)
    added_work: Callable[[float], float] = field(default=lambda at: 0.0)
    waiting: Callable[[float], tuple[float, float]] = field(default=lambda at: (0.0, 0.0))


def scenarios(plan: CapacityPlan) -> list[Scenario]:
    """Every scenario that the plan can meet: a plan of one region has no other that a failed one's traffic could go to."""
    return [found for found in (_diurnal(plan), _failure(plan), _flush(plan), _slow_shard(plan), _burst()) if found is not None]


def _within(begins: float, ends: float, value: float, otherwise: float) -> Callable[[float], float]:
    return lambda at: value if begins <= at < ends else otherwise


def _diurnal(plan: CapacityPlan) -> Scenario:
    mean = 1 / plan.demand.peak_over_mean
    swing = min(1 - mean, mean)

    def load(at: float) -> float:
        return mean - swing * math.cos(2 * math.pi * at / (HOURS * HOUR))

    lasts = HOURS * HOUR
    return Scenario("diurnal", "a day of 24 hours, each as ten seconds, up to the planned peak", lasts, lasts, lasts, load)


def _failure(plan: CapacityPlan) -> Scenario | None:
    if len(plan.demand.regions) < 2:
        return None
    region, percent = max(plan.demand.regions.items(), key=lambda item: item[1])
    ends = BEFORE + 60
    times = 1 / (1 - percent / 100)
    about = f"region {region} fails for a minute at the peak, and its {percent:g} % of the traffic go to the others"
    return Scenario("regional_failure", about, ends + AFTER, BEFORE, ends, _within(BEFORE, ends, times, 1.0))


def _flush(plan: CapacityPlan) -> Scenario:
    """All caches are empty at once, and fill again as users come back."""
    refill = max(plan.demand.users / plan.demand.peak_qps / 10, 5.0)
    ends = BEFORE + min(refill, 60.0)
    about = "every cached user row is lost at the peak; rows come back as users do"

    def added(at: float) -> float:
        return READ_MISSED * math.exp(-(at - BEFORE) / refill) if at >= BEFORE else 0.0

    return Scenario("cache_flush", about, ends + AFTER, BEFORE, ends, added_work=added)


def _slow_shard(plan: CapacityPlan) -> Scenario:
    share = max(r.expected / r.shards * plan.demand.regions[r.region] / 100 for r in plan.sharding.regions)
    wait = min(STORE_SLOW, plan.demand.p99_ms / 1000)
    ends = BEFORE + 60
    about = f"one shard answers after {STORE_SLOW * 1000:.0f} ms for a minute; {share:.2%} of users lie on it"
    return Scenario(
        "slow_shard", about, ends + AFTER, BEFORE, ends, waiting=lambda at: (share, wait) if BEFORE <= at < ends else (0.0, 0.0)
    )  # fmt: skip


def _burst() -> Scenario:
    ends = BEFORE + 10
    return Scenario("burst", "ten times the planned peak for ten seconds", ends + AFTER, BEFORE, ends, _within(BEFORE, ends, 10.0, 1.0))
