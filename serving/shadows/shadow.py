"""Scores decisions with one shadow bundle, off the response path, from a bounded queue of its own that drops when it is full."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final

import numpy as np

from feature_repo.services import places_in
from serving.bundles import Bundle
from serving.eventlog.log import EventLog
from serving.record.decision import Decision, RankedAd
from serving.seldom import SELDOM
from serving.shadows.idle import Idle

log = logging.getLogger(__name__)
PATIENCE: Final = 1.0
"""Seconds that a decision waits for an idle moment."""


class Shadow:
    """Scores while no request is in hand, or after PATIENCE all the same: under full load it takes a sample, and hardly any request
    has to share a core and the interpreter with it.

    size: decisions that may wait. They are counted before one more is added, so request threads that add at the same moment may
    exceed it by their number. count: told what became of each decision: `scored`, `failed`, `dropped` for want of room, or
    `unreadable`: its record lacks columns that the bundle reads.
    """

    def __init__(self, name: str, eventlog: EventLog, idle: Idle, size: int, count: Callable[[str], None]) -> None:
        self._log, self._idle, self._size, self._count = eventlog, idle, size, count
        self._queue: SimpleQueue[tuple[Bundle, Decision] | None] = SimpleQueue()  # its put never waits, whoever takes from it
        self._thread = threading.Thread(target=self._work, name=f"shadow {name}", daemon=True)
        self._thread.start()

    def offer(self, bundle: Bundle, decision: Decision) -> None:
        """Queues a decision for scoring; never waits."""
        if self._queue.qsize() < self._size:
            self._queue.put((bundle, decision))
        else:
            self._count("dropped")

    @property
    def waiting(self) -> int:
        """Decisions that wait to be scored."""
        return self._queue.qsize()

    def retire(self) -> None:
        """Lets what is queued go and ends the thread after what is being scored; does not wait for it."""
        try:
            while True:
                self._queue.get_nowait()
        except Empty:
            self._queue.put(None)

    def join(self, seconds: float) -> None:
        """Waits for the thread of a retired shadow."""
        self._thread.join(seconds)

    def _work(self) -> None:
        while (offered := self._queue.get()) is not None:
            self._idle.wait(PATIENCE)
            bundle, decision = offered
            ads = (*decision.shown, *decision.held)
            columns = places_in(decision.input, bundle.manifest.columns)
            if columns is None or not all(ad.features for ad in ads):
                self._count("unreadable")
                message = "shadow %s: decisions on %s lack columns that it reads"
                SELDOM.log(log, logging.WARNING, f"columns of {bundle.name}", message, bundle.name, decision.input or "no vectors")
            else:
                self._score(bundle, decision, ads, columns)

    def _score(self, bundle: Bundle, decision: Decision, ads: Sequence[RankedAd], columns: Sequence[int]) -> None:
        try:
            matrix = np.array([ad.vector for ad in ads])
            scores = bundle.predict(np.ascontiguousarray(matrix[:, columns]))
            if not np.isfinite(scores).all():
                raise ValueError("scores are not finite")
            self._log.append_shadow(decision.decision_id, bundle.name, [float(s) for s in scores])
            self._count("scored")
        except Exception as error:  # a shadow may fail as it likes: that is what it is for
            self._count("failed")
            SELDOM.log(log, logging.WARNING, f"scores of {bundle.name}", "shadow %s failed: %s", bundle.name, error)
