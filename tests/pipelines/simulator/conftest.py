"""One small market, made once: eight days with every table and its truth beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.simulate import SimulationReport, simulate
from pipelines.simulator.truth import decision_truth, impression_truth
from pipelines.simulator.world import World

CONFIG = MarketConfig(seed=3, users=2500, creatives=500, impressions_per_day=11_000, horizon_days=40, images=False)
DAYS = 8


def read(home: Home, table: str) -> pd.DataFrame:
    """A table of every partition, in the order of the partitions."""
    return pd.concat([pq.read_table(f, partitioning=None).to_pandas() for f in home.files(table)], ignore_index=True)


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@dataclass(frozen=True)
class Market:
    home: Home
    config: MarketConfig
    world: World
    report: SimulationReport
    days: list[date]

    def table(self, name: str) -> pd.DataFrame:
        return read(self.home, name)

    @property
    def outcomes(self) -> pd.DataFrame:
        """Impressions with their truth, their click and whether it converts within the days made."""
        engagements = self.table("engagements")
        clicks = engagements[engagements.kind == "click"]
        bought = engagements[engagements.kind == "conversion"]
        both = self.table("impressions").merge(impression_truth(self.home).to_pandas(), on="impression_id", validate="1:1")
        both["clicked"] = both.impression_id.isin(clicks.impression_id)
        both["converted"] = both.impression_id.isin(bought.impression_id)
        return both

    @property
    def rivals(self) -> pd.DataFrame:
        return decision_truth(self.home).to_pandas()


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    home = Home(tmp_path_factory.mktemp("market"))
    report = simulate(home, CONFIG, DAYS)
    return Market(home, CONFIG, World.of(CONFIG), report, [CONFIG.first + timedelta(days=n) for n in range(DAYS)])


@pytest.fixture(scope="session")
def outcomes(market: Market) -> pd.DataFrame:
    return market.outcomes
