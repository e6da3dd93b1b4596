"""A small market's searches of DAYS days, and the text models learned from them, both champions; the last day is published with them.
Beside the platform, in `placard`, lies what the models achieved on later searches, in `achieved.json`: by model, by measure."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from feature_repo.tables import TABLES
from pipelines.features.publish import publish
from pipelines.features.validate import validate
from pipelines.language.train import register, train
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.simulate import simulate
from serving.settings import Settings
from tests.pipelines.built_day import build_all

CONFIG = MarketConfig(users=1_500, creatives=300, impressions_per_day=12_000, horizon_days=10, images=False)
DAYS = 4
LAST = CONFIG.first + timedelta(days=DAYS - 1)


def make(folder: Path) -> None:
    settings = Settings(home_path=folder / "placard")
    simulate(settings.home, CONFIG, DAYS)
    learned = train(settings, LAST)
    for one in learned:
        register(settings, one, "champion", LAST)
    (folder / "achieved.json").write_text(json.dumps({one.head: one.metrics for one in learned}))
    build_all(settings.home, LAST)
    for table in TABLES:
        validate(settings.home, table, LAST)
    publish(settings, [LAST])
