"""The canonical small market of the tests, and the days of it that a platform is built on."""

from __future__ import annotations

from datetime import date, timedelta

from pipelines.simulator.config import MarketConfig

FIRST = date(2026, 1, 17)
DAYS = tuple(FIRST + timedelta(days=n) for n in range(4))
SMALL = MarketConfig(start=str(FIRST), users=1_500, creatives=200, impressions_per_day=8_000, images=False)
