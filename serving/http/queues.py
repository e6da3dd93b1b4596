"""Bounded queues: a worker decides, and bills, so many requests at once; so many more wait; what comes on top is told to come later."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.answers import busy
from serving.settings import Settings
from serving.worker.worker import Worker
from serving.worker.worker_gauges import QueueLength

FORGET: Final = 0.1
"""Weight of the newest piece of work in the mean of what one takes."""
PATIENT: Final = 0.6
"""Share of the usual deadline in which a decision has to come foreseeably for its request to be let in."""
P = ParamSpec("P")
T = TypeVar("T")


class Queue:
    """One kind of work. at_once: threads it may use; waiting: requests that may wait for one of them, in the order of their coming.
    patience: seconds in which a request wants to be answered; one that would foreseeably take longer finds no place, unless a thread is
    free."""

    def __init__(self, name: str, at_once: int, waiting: int, patience: float = math.inf) -> None:
        self.name, self.at_once, self.most, self.inside = name, at_once, at_once + waiting, 0
        self._patience, self.took = patience, 0.0
        """took: what a piece of work takes in its thread, seconds: a moving mean."""
        self._threads = CapacityLimiter(at_once)

    @property
    def full(self) -> bool:
        """Whether there is no place for one more."""
        if self.inside < self.at_once:
            return False
        return self.inside >= self.most or (self.inside / self.at_once + 1) * self.took > self._patience

    @contextmanager
    def place(self) -> Iterator[bool]:
        """A place for one request while it is answered; False where there is none left."""
        if self.full:
            yield False
            return
        self.inside += 1
        try:
            yield True
        finally:
            self.inside -= 1

    async def run(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Does the work in one of the threads."""

        def timed() -> T:
            began = time.perf_counter()
            try:
                return work(*args, **named)
            finally:
                self.took += FORGET * (time.perf_counter() - began - self.took)

        return await to_thread.run_sync(timed, limiter=self._threads)


class Queues:
    """Decisions and events wait apart: a flood of requests for ads does not keep money from being counted."""

    def __init__(self, settings: Settings) -> None:
        http = settings.http
        self.deciding = Queue("decisions", http.decisions_at_once, http.decisions_waiting, PATIENT * http.tmax_ms / 1000)
        self.events = Queue("events", http.events_at_once, http.events_waiting)
        self._by_path = dict.fromkeys(("/v1/ads", "/v1/search"), self.deciding)
        self._by_path |= dict.fromkeys(("/v1/events", "/v1/seen", "/v1/click"), self.events)

    def lengths(self) -> dict[str, QueueLength]:
        """How long each queue is just now, by name."""
        return {queue.name: QueueLength(queue.inside, queue.most) for queue in (self.deciding, self.events)}

    def of(self, path: str) -> Queue | None:
        """The queue of a route; None: it does not wait."""
        return self._by_path.get(path)


class Admission:
    """Answers 503 to a request whose queue is full: in the event loop, before its body is parsed or a thread is used. The body has arrived
    by then, so a client that drips takes no place from others."""

    def __init__(self, app: ASGIApp, queues: Queues) -> None:
        self.app, self._queues = app, queues

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        queue = self._queues.of(scope["path"]) if scope["type"] == "http" else None
        if queue is None:
            await self.app(scope, receive, send)
            return
        with queue.place() as free:
            if free:
                await self.app(scope, receive, send)
                return
        worker: Worker = scope["app"].state.worker
        worker.metrics.turned_away(queue.name)
        await busy(queue.name)(scope, receive, send)
