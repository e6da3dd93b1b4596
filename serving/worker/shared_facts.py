"""What every worker of a server would tell alike: told once, by whoever is asked for the figures, and not added up."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from feature_repo.home import Home
from feature_repo.tables import TABLES
from serving.engine.live import Live
from serving.seldom import SELDOM
from serving.stores.breaker import OUT_OF_ORDER
from serving.stores.deadline import due
from serving.worker.campaign_spend import CampaignSpend
from serving.worker.reload import Reloader

log = logging.getLogger(__name__)
LEDGER_SECONDS: Final = 0.5
"""How long a scrape waits for the ledger. Without an answer it goes without the money, and placard_store_broken says why."""


class SharedFacts:
    """Ages are told as moments, seconds since 1970: whoever reads them knows what time it is."""

    def __init__(self, home: Home, reloader: Reloader, spend: CampaignSpend) -> None:
        self._home, self._reloader, self._spend = home, reloader, spend

    def collect(self) -> Iterable[Metric]:
        yield from _served(self._reloader.live)
        yield _published(self._home)
        try:
            with due(time.perf_counter() + LEDGER_SECONDS):
                yield from list(self._spend.collect())
        except OUT_OF_ORDER as error:
            SELDOM.log(log, logging.WARNING, "figures of money", "figures without the money: %s", error)


def _served(live: Live) -> Iterable[Metric]:
    """The catalogue's size and age, and how new the rows are that models learned from."""
    if live.snapshot is not None:
        as_of = live.snapshot.as_of.timestamp()
        yield GaugeMetricFamily("placard_snapshot_as_of_timestamp_seconds", "Whose knowledge the catalogue holds", as_of)
        yield GaugeMetricFamily("placard_snapshot_ads", "Ads of the catalogue", len(live.snapshot))
    learned = GaugeMetricFamily(
        "placard_model_trained_to_timestamp_seconds", "End of the rows that it learned from", labels=["head", "role"]
    )
    for (head, role), bundle in sorted(live.bundles.items()):
        try:
            trained_to = datetime.fromisoformat(bundle.manifest.trained_to)
        except ValueError:  # a bundle that was not made by training says nothing
            continue
        learned.add_metric([head, role], (trained_to if trained_to.tzinfo else trained_to.replace(tzinfo=UTC)).timestamp())
    yield learned


def _published(home: Home) -> Metric:
    """The end of each feature table's newest published day."""
    family = GaugeMetricFamily("placard_features_timestamp_seconds", "End of the newest published day", labels=["table"])
    for table in TABLES:
        newest = max((folder.name for folder in home.features(table.name).glob("day=*")), default="")
        if newest:
            end = date.fromisoformat(newest.removeprefix("day=")) + timedelta(days=1)
            family.add_metric([table.name], datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp())
    return family
