"""How one worker stands just now: figures that add up over workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from serving.language.language import LANGUAGE
from serving.language.text_encoder import ENCODER
from serving.shadows.shadows import Shadows
from serving.worker.ledger_watch import LedgerWatch
from serving.worker.reload import Reloader

OF_THE_PROCESS: Final = {"process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"}
"""What Prometheus' own collector tells of a process and makes sense as a sum over processes. A page of memory that workers share, as those
of the catalogue are, is counted in each of them."""


@dataclass(frozen=True)
class QueueLength:
    """inside: requests that are worked on or wait. places: the most that may be."""

    inside: int
    places: int


@dataclass
class WorkerGauges:
    """queues: tells the lengths of the queues of requests, by name; the edge sets it. Without an edge there are none."""

    reloader: Reloader
    watch: LedgerWatch
    shadows: Shadows
    queues: Callable[[], Mapping[str, QueueLength]] = dict

    def __post_init__(self) -> None:
        self._process = ProcessCollector(registry=None)

    @property
    def ready(self) -> bool:
        """There is a catalogue, and a ledger that money may be written into."""
        return self.reloader.live.snapshot is not None and not self.watch.trouble

    def collect(self) -> Iterable[Metric]:
        live = self.reloader.live
        yield GaugeMetricFamily("placard_workers", "Workers that live", 1)
        yield GaugeMetricFamily("placard_ready_workers", "Workers with a catalogue to serve and the right ledger", float(self.ready))
        yield GaugeMetricFamily(
            "placard_ledger_trouble",
            "Workers whose ledger is not the one that they wrote into, or forgets",
            float(bool(self.watch.trouble)),
        )
        models = GaugeMetricFamily("placard_model_info", "Workers that hold this version", labels=["head", "role", "version"])
        for (head, role), bundle in sorted(live.bundles.items()):
            models.add_metric([head, role, bundle.manifest.version], 1)
        for head, model in ((LANGUAGE, live.language), (ENCODER, live.encoder)):
            if model is not None:
                models.add_metric([head, "champion", model.version], 1)
        yield models
        snapshots = GaugeMetricFamily("placard_snapshot_info", "Workers that serve this catalogue", labels=["version"])
        if live.snapshot is not None:
            snapshots.add_metric([live.snapshot.version], 1)
        yield snapshots
        yield GaugeMetricFamily(
            "placard_missing", "Models and catalogues served from memory: their files are gone", len(self.reloader.missing)
        )
        inside = GaugeMetricFamily("placard_queue_requests", "Requests that are worked on or wait", labels=["queue"])
        places = GaugeMetricFamily("placard_queue_places", "Most requests that may be worked on or wait", labels=["queue"])
        for name, length in sorted(self.queues().items()):
            inside.add_metric([name], length.inside)
            places.add_metric([name], length.places)
        waiting = GaugeMetricFamily("placard_shadow_waiting", "Decisions that wait for a shadow", labels=["shadow"])
        for name, length_of in sorted(self.shadows.waiting().items()):
            waiting.add_metric([name], length_of)
        yield from (inside, places, waiting)
        yield from (family for family in self._process.collect() if family.name in OF_THE_PROCESS)
