"""A thread that runs calls for others, so that whoever waits can give up on a call that does not come back."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """At most `at_once` threads, each started when it is first needed, that run one call each at a time. A call is handed over by
    locks alone: a hand-over through `concurrent.futures` costs three times as much (DECISIONS 76). The threads end with the process,
    also while a call hangs in one."""

    def __init__(self, at_once: int, name: str) -> None:
        self._at_once, self._name = at_once, name
        self._starting = threading.Lock()
        self._started = 0
        self._idle: list[_Lane[T]] = []

    def hand_over(self, work: Callable[[], T]) -> Call[T] | None:
        """Starts the work in an idle thread. None while every thread is at work."""
        lane = self._free()
        if lane is None:
            return None
        call = Call(work)
        lane.take(call)
        return call

    def _free(self) -> _Lane[T] | None:
        try:
            return self._idle.pop()
        except IndexError:
            with self._starting:
                if self._started >= self._at_once:
                    return None
                self._started += 1
            return _Lane(self._idle, f"{self._name}-{self._started}")


class Call(Generic[T]):
    """One piece of work that another thread does."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._done = threading.Lock()
        self._done.acquire()
        self._result: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Does the work, in the thread that took it."""
        try:
            self._result.append(self._work())
        except BaseException as error:  # it is raised where the result is waited for
            self._error = error

    def end(self) -> None:
        """Tells whoever waits that the work is done."""
        self._done.release()

    def ends_within(self, seconds: float) -> bool:
        """Waits these seconds at most (infinity: any time) and says whether the work has come to its end; if not, it goes on."""
        return self._done.acquire(timeout=-1 if math.isinf(seconds) else min(max(seconds, 0.0), threading.TIMEOUT_MAX))

    def result(self) -> T:
        """What the work returned, once it has ended. Raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._result[0]


class _Lane(Generic[T]):
    """One thread. idle: where it puts itself whenever it has nothing to do."""

    def __init__(self, idle: list[_Lane[T]], name: str) -> None:
        self._idle = idle
        self._asked = threading.Lock()
        self._asked.acquire()
        self._call: Call[T] | None = None
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def take(self, call: Call[T]) -> None:
        """Runs a call; only for who has taken this lane from the idle ones."""
        self._call = call
        self._asked.release()

    def _serve(self) -> None:
        while True:
            self._asked.acquire()
            call, self._call = self._call, None
            assert call is not None, "a lane is asked with a call"
            call.run()
            self._idle.append(self)  # before the call ends: whoever it was for may ask again at once
            call.end()
