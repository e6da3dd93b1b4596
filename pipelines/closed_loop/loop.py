"""The closed loop from the first warm day to the last served one, with and without exploration, each in a platform of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final

from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.closed_loop.arm import Arm
from pipelines.closed_loop.arm_day import ArmDay
from pipelines.errors import PipelineError
from pipelines.features.history import build_days
from pipelines.features.validate import passed
from pipelines.simulator.config import SOURCE, MarketConfig, load, path
from pipelines.simulator.simulate import simulate
from serving.settings import Settings

EXPLORED, UNEXPLORED = "explored", "unexplored"
EXPLORATION: Final = {"on": (EXPLORED,), "off": (UNEXPLORED,), "both": (EXPLORED, UNEXPLORED)}
"""By what --exploration says: the arms."""


def days_made(home: Home) -> int:
    """How many days of the folder's market the simulator has made, from its first on without a gap; 0 without a market."""
    if not path(home).exists():
        return 0
    first, made = load(home).first, 0
    while (home.partition("impressions", first + timedelta(days=made)) / f"{SOURCE}.parquet").exists():
        made += 1
    return made


@dataclass(frozen=True)
class Loop:
    """warm_days: made by the simulated logging policy before anything is served; days: served after them."""

    settings: Settings
    config: MarketConfig
    warm_days: int
    days: int
    exploration: str
    ranker: str

    @property
    def warm(self) -> list[date]:
        return [self.config.first + timedelta(days=n) for n in range(self.warm_days)]

    def home_of(self, arm: str) -> Home:
        return Home(self.settings.home.root / "closed_loop" / arm)

    def arms(self) -> list[Arm]:
        shares = {EXPLORED: self.settings.delivery.explore_share, UNEXPLORED: 0.0}
        return [
            Arm(name, self.settings.changed(home_path=self.home_of(name).root, explore_share=shares[name]), self.ranker)
            for name in EXPLORATION[self.exploration]
        ]

    def run(self, say: Callable[[str], None], done: Callable[[str, ArmDay], None]) -> Mapping[str, Sequence[ArmDay]]:
        """The days of each arm, those of earlier runs among them. say: is told what is being done; done: each day as it ends."""
        if self.settings.profile != "embedded":
            raise PipelineError(
                "profile", self.settings.profile, "The closed loop takes back what an interrupted day wrote: run it embedded."
            )
        self.config.day_number(self.warm[-1] + timedelta(days=self.days))
        home = self.settings.home
        if days_made(home) < self.warm_days:
            say(f"simulating {self.warm_days} days")
            simulate(home, self.config, self.warm_days)
        if missing := [day for day in self.warm if not all(passed(home, table, day) for table in TABLES)]:
            say(f"building the features of {len(missing)} days")
            build_days(home, missing, self.settings.threads, self.settings.features.embeddings)
        first, out = self.warm[-1] + timedelta(days=1), dict[str, Sequence[ArmDay]]()
        for arm in self.arms():
            tell = partial(_named, say, arm.name)
            arm.prepare(home, self.warm, tell)
            out[arm.name] = arm.run(first, self.days, tell, partial(done, arm.name))
        return out


def _named(say: Callable[[str], None], arm: str, word: str) -> None:
    say(f"{arm}: {word}")
