"""What campaigns have spent today and have left, as Prometheus reads it: the sums, and the biggest spenders by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from serving.engine.live import Live
from serving.ledger.ledger import Ledger

MOST: Final = 50
"""Campaigns that are named: each is a series of its own in Prometheus."""


class CampaignSpend:
    """live: what is served. now: the present; days are UTC's, as those of budgets. Asks the ledger for what has changed since it was asked
    before."""

    def __init__(self, ledger: Ledger, live: Callable[[], Live], now: Callable[[], datetime]) -> None:
        self._ledger, self._live, self._now = ledger, live, now
        self._lock = threading.Lock()
        self._day, self._mark = date.min, 0
        self._spent: dict[str, int] = {}

    def spent(self) -> dict[str, int]:
        """Micros spent today, by campaign; campaigns that spent nothing are left out. Raises what the ledger raises."""
        with self._lock:
            today = self._now().date()
            if today != self._day:
                self._day, self._mark, self._spent = today, 0, {}
            changed, self._mark = self._ledger.changes(today, self._mark)
            self._spent.update(changed)
            return {campaign: micros for campaign, micros in self._spent.items() if micros > 0}

    def collect(self) -> Iterable[Metric]:
        """Raises what the ledger raises."""
        spent, snapshot = self.spent(), self._live().snapshot
        budgets = {campaign: snapshot.budget_of(campaign) if snapshot is not None else 0 for campaign in spent}
        over = sum(budgets[campaign] <= micros for campaign, micros in spent.items())
        yield GaugeMetricFamily("placard_spend_today_micros", "Micros that all campaigns have spent today, UTC", sum(spent.values()))
        yield GaugeMetricFamily("placard_spending_campaigns", "Campaigns that have spent something today", len(spent))
        yield GaugeMetricFamily("placard_exhausted_campaigns", "Campaigns that have spent all of today's budget", over)
        if snapshot is not None:
            whole = int(snapshot["campaign.budget_micros"].sum())
            yield GaugeMetricFamily("placard_budget_today_micros", "Daily budgets of the catalogue's campaigns, micros", whole)
        by = GaugeMetricFamily(
            "placard_campaign_spend_micros", f"Micros spent today by the {MOST} campaigns that spent the most", labels=["campaign"]
        )
        left = GaugeMetricFamily("placard_campaign_left_micros", "Micros that they have left of today's budget", labels=["campaign"])
        for campaign, micros in sorted(spent.items(), key=lambda one: (-one[1], one[0]))[:MOST]:
            by.add_metric([campaign], micros)
            left.add_metric([campaign], max(budgets[campaign] - micros, 0))
        yield from (by, left)
