"""All shadows of a worker: each decision is offered to every one, and none waits for another."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from serving.engine.live import Live
from serving.eventlog.log import EventLog
from serving.record.decision import Decision
from serving.shadows.idle import Idle
from serving.shadows.shadow import Shadow

HEAD: Final = "click"
ENDING: Final = 2.0
"""Seconds that all shadows together have to end in."""


class Shadows:
    """size: decisions that may wait for each shadow; 0: none is scored. counts: of decisions, by bundle and by what became of them
    (Shadow), since the start. A shadow that lost its alias ends; its counts stay."""

    def __init__(self, live: Callable[[], Live], eventlog: EventLog, idle: Idle, size: int) -> None:
        self._live, self._log, self._idle, self._size = live, eventlog, idle, size
        self._changing, self._counting = threading.Lock(), threading.Lock()
        self._current: Mapping[str, Shadow] = {}
        self._stopped = False
        self.counts: Counter[tuple[str, str]] = Counter()

    def offer(self, decision: Decision) -> None:
        """Queues a decision for every shadow; never waits for their scoring."""
        if self._size <= 0 or not decision.shown:
            return
        bundles = {bundle.name: bundle for bundle in self._live().shadows(HEAD)}
        current = self._current
        if current.keys() != bundles.keys():
            current = self._change(frozenset(bundles))
        for name, shadow in current.items():
            if name in bundles:
                shadow.offer(bundles[name], decision)

    def _change(self, names: frozenset[str]) -> Mapping[str, Shadow]:
        """Starts the shadows that are new in `live` and ends those that have lost their alias; called when `live` has been swapped."""
        with self._changing:
            if self._stopped:
                return {}
            before = self._current
            self._current = {name: before.get(name) or self._start(name) for name in sorted(names)}
            for name in before.keys() - names:
                before[name].retire()
            return self._current

    def _start(self, name: str) -> Shadow:
        return Shadow(name, self._log, self._idle, self._size, lambda outcome: self._count(name, outcome))

    def _count(self, name: str, outcome: str) -> None:
        with self._counting:  # told by many threads at once
            self.counts[name, outcome] += 1

    def waiting(self) -> dict[str, int]:
        """How many decisions wait for each shadow, by bundle."""
        return {name: shadow.waiting for name, shadow in self._current.items()}

    def stop(self) -> None:
        """Lets what is queued go; waits a moment for what is being scored."""
        with self._changing:
            self._stopped = True
            ending, self._current = list(self._current.values()), {}
        for shadow in ending:
            shadow.retire()
        deadline = time.monotonic() + ENDING
        for shadow in ending:
            shadow.join(max(deadline - time.monotonic(), 0))
