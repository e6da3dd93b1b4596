"""What Prometheus sees of one worker; metrics_board.py adds the workers up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from serving.caches.memory import MemoryLevel
from serving.engine.engine import CAME_LATE
from serving.engine.stage_shares import StageShares
from serving.eventlog.log import Event
from serving.record.decision import LATE_FLAG, Decision
from serving.worker.billing import Bill

if TYPE_CHECKING:
    from serving.caches.tiered import TieredCache
    from serving.engine.tiers import Tiers
    from serving.shadows.shadows import Shadows
    from serving.stores.breaker import Breaker
    from serving.worker.reload import Reloader
    from serving.worker.worker_gauges import WorkerGauges

SHADOWED: Final = {
    "dropped": "Decisions that a shadow did not score: its queue was full",
    "scored": "Decisions that a shadow scored",
    "failed": "Decisions that a shadow failed to score",
    "unreadable": "Decisions whose records lack columns that a shadow reads",
}
LOOKED_UP: Final = {
    "hit": ("placard_cache_hits", "Values that a level of the cache had"),
    "miss": ("placard_cache_misses", "Values that a level of the cache did not have"),
    "failed": ("placard_cache_failures", "Look-ups and writes that a level of the cache did not answer in time, or with bytes of no value"),
}
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """Names follow Prometheus' conventions; labels are the engine's own words."""

    def __init__(
        self, reloader: Reloader, shadows: Shadows, tiers: Tiers, breakers: Mapping[str, Breaker], shares: StageShares,
        cache: TieredCache, gauges: WorkerGauges,
    ) -> None:  # fmt: skip
        r = self.registry = CollectorRegistry()
        self._reloader, self._shadows, self._tiers, self._breakers = reloader, shadows, tiers, breakers
        self._cache, self._gauges = cache, gauges
        self._decisions = Counter("placard_decisions", "Decisions by surface and rung", ["surface", "rung"], registry=r)
        self._shown = Counter("placard_ads_shown", "Ads shown", ["surface"], registry=r)
        self._rejected = Counter("placard_rejected", "Candidates dropped, by rule", ["rule"], registry=r)
        self._skipped = Counter("placard_skipped_primary", "Candidates left to the fast model", ["surface"], registry=r)
        self._late = Counter("placard_late", "Decisions that scored fewer candidates for want of time", ["surface"], registry=r)
        self._errors = Counter("placard_errors", "Components that failed, by component and error", ["component", "error"], registry=r)
        self._turned_away = Counter("placard_turned_away", "Requests answered 503 at once: their queue was full", ["queue"], registry=r)
        self._too_late = Counter("placard_too_late", "Requests with no ad: their deadline passed in the queue", ["surface"], registry=r)
        self._latency = Histogram("placard_decision_seconds", "Time from arrival to decision", ["surface"], buckets=SECONDS, registry=r)
        self._stages = Histogram("placard_stage_seconds", "Time of each stage", ["stage"], buckets=SECONDS, registry=r)
        self._shares = Summary("placard_stage_share", "Share of the deadline that each stage took", ["stage"], registry=r)
        self._budgets = Counter("placard_stage_budget_share", "Share of it that each might take, summed", ["stage"], registry=r)
        self._budget = shares.by_stage
        self._flags = Counter("placard_flags", "Defaults that decisions had to use, by what was missing", ["flag"], registry=r)
        self._no_ads = Counter("placard_no_ads", "Decisions without an ad, by reason", ["surface", "reason"], registry=r)
        self._promised = Counter("placard_promised_clicks", "Clicks that rankers expected of the ads shown", ["surface"], registry=r)
        self._events = Counter("placard_events", "Events received, by kind", ["kind"], registry=r)
        self._charged = Counter("placard_charged_micros", "Money charged for new events, micros", registry=r)

    def decided(self, decision: Decision, seconds: float) -> None:
        surface = decision.request.surface
        self._decisions.labels(surface, decision.rung).inc()
        self._shown.labels(surface).inc(len(decision.shown))
        self._skipped.labels(surface).inc(sum(n for bundle, n in decision.scored.items() if bundle != decision.policy))
        self._late.labels(surface).inc(LATE_FLAG in decision.flags)
        self._too_late.labels(surface).inc(decision.no_ad_reason == CAME_LATE)
        self._promised.labels(surface).inc(sum(ad.pctr for ad in decision.shown))
        if decision.no_ad_reason:
            self._no_ads.labels(surface, decision.no_ad_reason).inc()
        for flag in decision.flags:
            self._flags.labels(flag).inc()
        for failure in decision.errors:
            component, _, error = failure.partition("_failed:")
            self._errors.labels(component, error).inc()
        self._latency.labels(surface).observe(seconds)
        for stage, ms in decision.stage_ms.items():
            self._stages.labels(stage).observe(ms / 1000)
        for stage, share in StageShares.used(decision.stage_ms, decision.request.tmax_ms).items():
            self._shares.labels(stage).observe(share)
            self._budgets.labels(stage).inc(self._budget[stage])
        for rule, count in decision.funnel.rejected.items():
            self._rejected.labels(rule).inc(count)

    def turned_away(self, queue: str) -> None:
        self._turned_away.labels(queue).inc()

    def received(self, events: Sequence[Event], result: Bill) -> None:
        for event in events:
            self._events.labels(event.kind).inc()
        self._charged.inc(result.fresh_micros)

    def collect(self) -> Iterable[Metric]:
        """Everything that adds up over workers, as of now."""
        yield from self.registry.collect()
        yield from self._gauges.collect()
        reloader = self._reloader
        calls = CounterMetricFamily("placard_tier_calls", "Calls of each tier, by what became of them", labels=["tier", "outcome"])
        for (tier, outcome), n in sorted(self._tiers.calls.items()):
            calls.add_metric([tier, outcome], n)
        rows = CounterMetricFamily("placard_tier_rows", "Candidates that each tier scored, clicks and conversions", labels=["tier"])
        for tier, n in sorted(self._tiers.rows.items()):
            rows.add_metric([tier], n)
        broken = GaugeMetricFamily("placard_store_broken", "Workers for which the store does not answer just now", labels=["store"])
        for store, breaker in self._breakers.items():
            broken.add_metric([store], float(bool(breaker.trouble)))
        yield from (calls, rows, broken)
        yield from self._of_shadows()
        yield from self._of_caches()
        yield CounterMetricFamily("placard_swaps", "Models and snapshots taken up", reloader.swaps)
        yield GaugeMetricFamily("placard_refused", "Bundles and snapshots refused just now, over all workers", len(reloader.refused))

    def _of_shadows(self) -> Iterable[Metric]:
        counts = sorted(self._shadows.counts.items())
        for outcome, meaning in SHADOWED.items():
            family = CounterMetricFamily(f"placard_shadow_{outcome}", meaning, labels=["shadow"])
            for (shadow, became), n in counts:
                if became == outcome:
                    family.add_metric([shadow], n)
            yield family

    def _of_caches(self) -> Iterable[Metric]:
        for outcome, (name, meaning) in LOOKED_UP.items():
            family = CounterMetricFamily(name, meaning, labels=["level", "kind"])
            for (level, kind, became), n in sorted(self._cache.counts.copy().items()):
                if became == outcome:
                    family.add_metric([level, kind], n)
            yield family
        evicted = CounterMetricFamily("placard_cache_evictions", "Entries that went before their time, to make room", labels=["level"])
        held = GaugeMetricFamily("placard_cache_bytes", "Bytes of the entries in workers' memory", labels=["level"])
        for one in self._cache.levels:
            if isinstance(one.level, MemoryLevel):
                evicted.add_metric([one.name], one.level.evicted)
                held.add_metric([one.name], one.level.held_bytes)
        dropped = CounterMetricFamily("placard_cache_writes_dropped", "Writes to caches on other machines that had no room to wait")
        dropped.add_metric([], self._cache.writes.dropped)
        yield from (evicted, held, dropped)
