"""Scores decisions with every shadow bundle, off the response path, from a bounded queue that drops when it is full."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feature_repo.services import INPUTS
from serving.bundles import Bundle
from serving.decision import Decision
from serving.eventlog.log import EventLog
from serving.live import Live

log = logging.getLogger(__name__)


@lru_cache(maxsize=256)
def _warn(name: str, message: str) -> None:
    """Once a process: a shadow that is out of order would otherwise write a line a request."""
    log.warning("shadow %s failed: %s", name, message)


class Shadow:
    """Every decision that is taken from the queue is scored by all shadows, one after the other. dropped: decisions that found the
    queue full; scored, failed: decisions times shadows; since the start."""

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
        if not self._on or not decision.shown or not self._live().shadows("click"):
            return
        try:
            self._queue.put_nowait(decision)
        except queue.Full:
            with self._counting:  # offered by many threads at once
                self.dropped += 1

    def _work(self) -> None:
        while (decision := self._queue.get()) is not None:
            ads = (*decision.shown, *decision.held)
            if not all(ad.features for ad in ads):
                continue
            matrix = np.array([ad.features for ad in ads], np.float32)
            names = INPUTS[decision.input].names if decision.input in INPUTS else ()
            for bundle in self._live().shadows("click"):
                own = bundle.manifest.columns
                if own == names[: len(own)]:  # a wider input begins with the narrower one
                    self._score(bundle, decision, matrix[:, : len(own)])

    def _score(self, bundle: Bundle, decision: Decision, matrix: NDArray[np.float32]) -> None:
        try:
            scores = bundle.predict(matrix)
            if not np.isfinite(scores).all():
                raise ValueError("scores are not finite")
            self._log.append_shadow(decision.decision_id, bundle.name, [float(s) for s in scores])
            self.scored += 1
        except Exception as error:  # a shadow may fail as it likes: that is what it is for
            self.failed += 1
            _warn(bundle.name, str(error))
