"""A small market's searches, and the text models learned from them, registered and published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.features.publish import publish
from pipelines.features.validate import validate
from pipelines.language.query_log import QueryLog, query_log
from pipelines.language.train import LearnedLanguage, register, train
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.simulate import simulate
from serving.settings import Settings
from tests.pipelines.built_day import build_all

DAYS = 4


@dataclass(frozen=True)
class Searched:
    settings: Settings
    day: date
    log: QueryLog
    learned: list[LearnedLanguage]

    @property
    def home(self) -> Home:
        return self.settings.home


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """Learned from DAYS days, both models champions, the last day published with the encoder."""
    settings = Settings(home_path=Path(tmp_path_factory.mktemp("searched")))
    config = MarketConfig(users=1_500, creatives=300, impressions_per_day=12_000, horizon_days=10, images=False)
    simulate(settings.home, config, DAYS)
    day = config.first + timedelta(days=DAYS - 1)
    learned = train(settings, day)
    for one in learned:
        register(settings, one, "champion", day)
    build_all(settings.home, day)
    for table in TABLES:
        validate(settings.home, table, day)
    publish(settings, [day])
    return Searched(settings, day, query_log(settings.home, day), learned)
