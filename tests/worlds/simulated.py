"""The first days of a simulated market, with their truth."""

from __future__ import annotations

from pathlib import Path

from feature_repo.home import Home
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.simulate import simulate


def make(folder: Path, config: MarketConfig, days: int) -> None:
    simulate(Home(folder), config, days)
