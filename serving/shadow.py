"""Scores decisions with the @shadow bundle, off the response path, from a bounded queue that drops when it is full."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

import numpy as np

from serving.decision import Decision
from serving.eventlog.log import EventLog
from serving.live import Live

log = logging.getLogger(__name__)


class Shadow:
    """scored, dropped, failed: counts since the start."""

    def __init__(self, live: Callable[[], Live], eventlog: EventLog, size: int) -> None:
        self._live, self._log = live, eventlog
        self._queue: queue.Queue[Decision | None] = queue.Queue(max(size, 1))
        self._on = size > 0
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._counting = threading.Lock()
        self.scored = self.dropped = self.failed = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets what is queued go; waits a moment for what is being scored."""
        while True:
            try:
                self._queue.put_nowait(None)
                break
            except queue.Full:
                try:
                    self._queue.get_nowait()
                except queue.Empty:
                    continue
        self._thread.join(2)

    def offer(self, decision: Decision) -> None:
        """Queues a decision for scoring; never waits."""
        if not self._on or not decision.shown or self._live().bundle("click", "shadow") is None:
            return
        try:
            self._queue.put_nowait(decision)
        except queue.Full:
            with self._counting:  # offered by many threads at once
                self.dropped += 1

    def _work(self) -> None:
        while (decision := self._queue.get()) is not None:
            bundle = self._live().bundle("click", "shadow")
            ads = (*decision.shown, *decision.held)
            if bundle is None or not all(ad.features for ad in ads) or bundle.manifest.input != decision.input:
                continue
            try:
                scores = bundle.predict(np.array([ad.features for ad in ads], np.float32))
                if not np.isfinite(scores).all():
                    raise ValueError("scores are not finite")
                self._log.append_shadow(decision.decision_id, bundle.name, [float(s) for s in scores])
                self.scored += 1
            except Exception as error:  # a shadow may fail as it likes: that is what it is for
                self.failed += 1
                log.warning("shadow %s failed: %s", bundle.name, error)
