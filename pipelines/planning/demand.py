"""What a platform is planned for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipelines.errors import PipelineError

MOST_USERS: Final = 10**11
MOST_QPS: Final = 10.0**9
MOST_REGIONS: Final = 64


@dataclass(frozen=True)
class Demand:
    """The demand on a platform.

    users: people whose profiles are kept. regions: the share of users and of traffic of each region, percent; together 100. peak_qps:
    requests a second of all regions together in the busiest hour. p99_ms: the latency, milliseconds, that 99 of 100 requests keep.
    users_per_shard: the most users whose rows one shard of the online store holds before growth. ads: of the catalogue.
    hot_hours, warm_days, cold_days: how long the three tiers keep what enters them. peak_over_mean: the busiest hour over the mean hour.
    Raises PipelineError for what is out of bounds.
    """

    users: int
    peak_qps: float
    p99_ms: float = 100.0
    regions: Mapping[str, float] = field(default_factory=lambda: {"all": 100.0})
    users_per_shard: int = 10_000_000
    ads: int = 1_000_000
    hot_hours: int = 24
    warm_days: int = 30
    cold_days: int = 365
    peak_over_mean: float = 2.0

    def __post_init__(self) -> None:
        _within("users", self.users, 1, MOST_USERS)
        _within("peak requests a second", self.peak_qps, 0.001, MOST_QPS)
        _within("p99 target, ms", self.p99_ms, 1, 60_000)
        _within("users per shard", self.users_per_shard, 1, MOST_USERS)
        _within("ads", self.ads, 1, 10**10)
        _within("hot hours", self.hot_hours, 1, 24 * 366)
        _within("warm days", self.warm_days, 1, 3660)
        _within("cold days", self.cold_days, 1, 36600)
        _within("peak over mean", self.peak_over_mean, 1, 1000)
        if not self.hot_hours <= 24 * self.warm_days or not self.warm_days <= self.cold_days:
            kept = f"{self.hot_hours} hours, {self.warm_days} days, {self.cold_days} days"
            raise PipelineError("retention", kept, "A colder tier keeps at least as long as the warmer one before it.")
        if not 1 <= len(self.regions) <= MOST_REGIONS:
            raise PipelineError("regions", len(self.regions), f"Name between 1 and {MOST_REGIONS}.")
        for name, percent in self.regions.items():
            if not name or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
                raise PipelineError("region", name, "A name of letters, digits and dashes is needed.")
            _within(f"percent of region {name}", percent, 0.0001, 100)
        if abs((total := math.fsum(self.regions.values())) - 100) > 0.01:
            raise PipelineError("regions", f"{total:g} %", "The regions' percents add up to 100.")

    @property
    def requests_a_day(self) -> float:
        """Requests of a mean day."""
        return self.peak_qps / self.peak_over_mean * 86_400

    def qps_of(self, region: str) -> float:
        """Requests a second of a region in its busiest hour."""
        return self.peak_qps * self.regions[region] / 100


def _within(what: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # a NaN is within nothing
        raise PipelineError(what, value, f"Between {least:,g} and {most:,g}.")


def read_regions(text: str) -> dict[str, float]:
    """Regions as `eu=30,us=50,asia=20`: names with percents. Raises PipelineError where the text is no such list."""
    out: dict[str, float] = {}
    for part in text.split(","):
        name, sign, percent = part.strip().partition("=")
        try:
            value = float(percent)
        except ValueError:
            value = math.nan
        if not sign or math.isnan(value) or name in out:
            raise PipelineError("regions", text, "Write each region once, with its percent: `eu=30,us=50,asia=20`.")
        out[name] = value
    return out
