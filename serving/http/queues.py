"""Bounded queues: a worker decides, and bills, so many requests at once; so many more wait; what comes on top is told to come later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.admission_rule import AdmissionRule, for_decisions
from serving.http.answers import busy
from serving.settings import Settings
from serving.worker.worker import Worker
from serving.worker.worker_gauges import QueueLength

P = ParamSpec("P")
T = TypeVar("T")


class Queue:
    """One kind of work, done in as many threads as its rule says; who finds none free waits, in the order of their coming."""

    def __init__(self, name: str, rule: AdmissionRule) -> None:
        self.name, self.rule, self.inside = name, rule, 0
        self._threads = CapacityLimiter(rule.at_once)

    @property
    def full(self) -> bool:
        """Whether there is no place for one more."""
        return self.rule.full(self.inside)

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
                self.rule.learn(time.perf_counter() - began)

        return await to_thread.run_sync(timed, limiter=self._threads)


class Queues:
    """Decisions and events wait apart: a flood of requests for ads does not keep money from being counted."""

    def __init__(self, settings: Settings) -> None:
        http = settings.http
        self.deciding = Queue("decisions", for_decisions(http.decisions_at_once, http.decisions_waiting, http.tmax_ms / 1000))
        self.events = Queue("events", AdmissionRule(http.events_at_once, http.events_at_once + http.events_waiting))
        self._by_path = dict.fromkeys(("/v1/ads", "/v1/search"), self.deciding)
        self._by_path |= dict.fromkeys(("/v1/events", "/v1/seen", "/v1/click"), self.events)

    def lengths(self) -> dict[str, QueueLength]:
        """How long each queue is just now, by name."""
        return {queue.name: QueueLength(queue.inside, queue.rule.most) for queue in (self.deciding, self.events)}

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
