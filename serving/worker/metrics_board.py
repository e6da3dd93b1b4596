"""One answer for all workers: each writes its figures to a file of its own, and whoever is asked adds them up."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from serving.seldom import SELDOM
from serving.settings import Settings
from serving.worker.metrics import Metrics

log = logging.getLogger(__name__)
PUBLISH_SECONDS: Final = 0.25
WAIT_SECONDS: Final = 1.0
"""Longest wait for a worker that is alive and does not write."""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """One metric of one worker. Prometheus' `_created` samples (when counting began) are left out, since a sum over workers has no such
    moment."""

    name: str
    meaning: str
    kind: str
    samples: list[Sample]


class Page(msgspec.Struct, frozen=True):
    """One worker's figures as of `at_ns`, nanoseconds of the machine's clock."""

    at_ns: int
    families: list[Family]


AS_PAGE: Final = msgspec.json.Decoder(Page)


@dataclass(frozen=True)
class Sum:
    """What generate_latest reads."""

    families: list[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families


def board_folder(home: Home, server: int) -> Path:
    """Where the workers of the server with this process id write."""
    return home.state / "metrics" / str(server)


def clear_boards(home: Home) -> None:
    """At a server's start: its own board, and those of servers that are gone."""
    for board in (home.state / "metrics").glob("*"):
        if board.name == str(os.getpid()) or not _alive(board.name):
            shutil.rmtree(board, ignore_errors=True)


class MetricsBoard:
    """folder: shared with the other workers; None for a worker on its own. A worker that died goes on counting in the counters,
    so that no sum falls, and is left out of the gauges. shared: what every worker would tell alike, told by who is asked for the sums."""

    def __init__(
        self, metrics: Metrics, folder: Path | None, worker: int, shared: Callable[[], Iterable[Metric]] = tuple
    ) -> None:  # fmt: skip
        self._metrics, self._folder, self._worker, self._shared = metrics, folder, worker, shared
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish_on, name="metrics", daemon=True)

    @classmethod
    def of(cls, settings: Settings, metrics: Metrics, shared: Callable[[], Iterable[Metric]]) -> MetricsBoard:
        folder = board_folder(settings.home, os.getppid()) if settings.http.workers > 1 else None
        return cls(metrics, folder, os.getpid(), shared)

    def start(self) -> None:
        """The first publication says that this worker is ready."""
        self.publish()
        if self._folder is not None:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2)
        self.publish()

    def _publish_on(self) -> None:
        while not self._stop.wait(PUBLISH_SECONDS):
            try:
                self.publish()
            except OSError as error:  # a full disk stops the figures for a while, not for good
                SELDOM.log(log, logging.WARNING, "figures", "figures not written: %s", error)

    def publish(self) -> None:
        if self._folder is not None:
            write_whole(self._folder / str(self._worker), msgspec.json.encode(self._own()), synced=False)

    def _own(self) -> Page:
        at = time.time_ns()
        return Page(at, [_family(metric) for metric in self._metrics.collect()])

    def render(self) -> bytes:
        """All workers' figures in Prometheus' text format, as of now: it waits until each has written once more, so that no sum
        falls from one scrape to the next, whoever answers them."""
        now, parts = time.time_ns(), [(True, self._own().families)]
        for path in sorted(self._folder.glob("[0-9]*")) if self._folder is not None else ():
            if path.name != str(self._worker):
                parts.append(_page(path, now))
        return bytes(generate_latest(Sum([*_added(parts), *self._shared()])))


def _page(path: Path, since_ns: int) -> tuple[bool, list[Family]]:
    """Whether a worker lives, and what it wrote; of a living one, not before `since_ns`."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        alive = _alive(path.name)
        page = AS_PAGE.decode(path.read_bytes())
        if not alive or page.at_ns >= since_ns or time.monotonic() > deadline:
            return alive, page.families
        time.sleep(0.01)


def _family(metric: Metric) -> Family:
    samples = [Sample(s.name, s.labels, s.value) for s in metric.samples if not s.name.endswith("_created")]
    return Family(metric.name, metric.documentation, metric.type, samples)


def _added(parts: list[tuple[bool, list[Family]]]) -> list[Metric]:
    families: dict[str, Family] = {}
    sums: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for alive, part in parts:
        for family in part:
            families.setdefault(family.name, family)
            into = sums.setdefault(family.name, {})
            for sample in family.samples if alive or family.kind != "gauge" else ():
                key = (sample.name, tuple(sample.labels.items()))
                into[key] = into.get(key, 0.0) + sample.value
    out = []
    for name, family in families.items():
        metric = Metric(name, family.meaning, family.kind)
        for (sample_name, labels), value in sums[name].items():
            metric.add_sample(sample_name, dict(labels), value)
        out.append(metric)
    return out


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:  # it is there, and someone else's
        return True
    return True
