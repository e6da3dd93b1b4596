"""How a store is asked that may hang or be gone: no longer than the asker has time, and not at all while it is known not to answer."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar, cast

from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import TimeoutError as RedisHangs

from serving.errors import Broken, Late
from serving.seldom import SELDOM
from serving.stores.deadline import left
from serving.stores.lane import Lanes

log = logging.getLogger(__name__)
FAILURES: Final[tuple[type[Exception], ...]] = (OSError, sqlite3.OperationalError, RedisGone, RedisHangs)
"""What a store raises that is out of order; everything else is the fault of who asked."""
OUT_OF_ORDER: Final[tuple[type[Exception], ...]] = (*FAILURES, Broken, Late)
"""What an asker meets whose store is out of order."""
IN_A_ROW: Final = 3
"""Failures after which a store is not asked any more."""
REST_SECONDS: Final = 1.0
"""How long it is left alone; then one call tries it."""
HANG_SECONDS: Final = 0.25
"""Once a call has lasted that long, and longer than an asker has time, the asker is refused at once: that call is the one that tries."""
LEAST_SECONDS: Final = 0.05
"""A store is given this much also where nothing is left: a decision that is ready is worth the commit that it waits for."""
AT_ONCE: Final = 16
"""Calls of short time that one store may hold at once, hanging ones included."""
T = TypeVar("T")


class Breaker:
    """One store's. Closed: calls go through. It opens after IN_A_ROW failures: for REST_SECONDS calls are refused at once, then one is
    let through, and the breaker closes if that one succeeds.

    A call of a thread that has a deadline (deadline.py) runs in a thread of its own. It is given up when the time is over; it still comes
    to its end, as if its asker had died meanwhile, so calls must be such that nothing is lost or done twice by that.
    """

    def __init__(
        self, store: str, clock: Callable[[], float] = time.monotonic, least: float = LEAST_SECONDS, hang: float = HANG_SECONDS
    ) -> None:
        """least: seconds that a call is given also where nothing is left; hang: seconds after which one is held against the store."""
        self.store, self._clock, self._least, self._hang, self._lock = store, clock, least, hang, threading.Lock()
        self._lanes: Lanes[Any] = Lanes(AT_ONCE, store)
        self._failures, self._rests_until, self._tried = 0, -math.inf, False
        self._since: dict[int, float] = {}
        """When each call began that runs in a thread of its own."""
        self._names = 0
        self._why = ""

    @property
    def trouble(self) -> str:
        """Why the store is not asked just now; "" while it is."""
        if self._failures >= IN_A_ROW:
            return self._why
        lasted = self._lasted()
        return f"a call has lasted {lasted:.1f} s" if lasted > self._hang else ""

    def check(self) -> None:
        """Raises Broken where a call would be refused now."""
        if self._rests() or self._lasted() > max(left(), self._hang):
            raise self._broken()

    def run(self, work: Callable[[], T]) -> T:
        """What the work returns. Raises what it raises, Late when it did not come back in time, and Broken when it was not begun."""
        seconds = left()
        if math.isinf(seconds):
            self._admit()
            return self._judged(work)
        self.check()
        self._admit()
        call = self._lanes.hand_over(partial(self._watched, work))
        if call is None:
            self._not_tried()
            raise Broken(self.store, f"{AT_ONCE} calls", "None of them comes back; see why it does not answer.")
        if not call.ends_within(max(seconds, self._least)):
            raise Late(self.store, f"{max(seconds, self._least) * 1000:.1f} ms", "It takes longer; see why it is slow.")
        return cast(T, call.result())

    def _lasted(self) -> float:
        """Seconds since the oldest call began that has not come back."""
        return self._clock() - min(list(self._since.values()), default=math.inf)

    def _rests(self) -> bool:
        return self._failures >= IN_A_ROW and (self._tried or self._clock() < self._rests_until)

    def _admit(self) -> None:
        """Lets a call through, or raises Broken; of an open breaker the one that tries."""
        with self._lock:
            if self._rests():
                raise self._broken()
            self._tried = self._failures >= IN_A_ROW

    def _not_tried(self) -> None:
        with self._lock:
            self._tried = False

    def _watched(self, work: Callable[[], T]) -> T:
        """In a thread of its own."""
        with self._lock:
            self._names += 1
            name = self._names
            self._since[name] = self._clock()
        try:
            return self._judged(work)
        finally:
            with self._lock:
                del self._since[name]

    def _judged(self, work: Callable[[], T]) -> T:
        try:
            result = work()
        except FAILURES as error:
            self._failed(error)
            raise
        except BaseException:  # not the store's fault: it has answered
            self._well()
            raise
        self._well()
        return result

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self._failures += 1
            self._tried, self._rests_until = False, self._clock() + REST_SECONDS
            self._why = f"{type(error).__name__}: {error}"
            opened = self._failures == IN_A_ROW
        if opened:
            message = "the %s does not answer; from now on one call a second tries it: %s"
            SELDOM.log(log, logging.ERROR, f"{self.store} is not asked", message, self.store, self._why)

    def _well(self) -> None:
        if not self._failures:
            return
        with self._lock:
            closed = self._failures >= IN_A_ROW
            self._failures, self._tried = 0, False
        if closed:
            SELDOM.log(log, logging.INFO, f"{self.store} answers", "the %s answers again", self.store)

    def _broken(self) -> Broken:
        return Broken(self.store, self.trouble or "being tried", "It is asked again within seconds; see why it does not answer.")


class _Guarded:
    """A store whose methods are called through a breaker."""

    def __init__(self, store: object, breaker: Breaker) -> None:
        self._store, self._breaker = store, breaker

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found) or name == "close":
            return found

        def call(*args: Any, **named: Any) -> Any:
            return self._breaker.run(partial(found, *args, **named))

        setattr(self, name, call)  # so that the next use does not come here
        return call


def guarded(store: T, breaker: Breaker) -> T:
    """The same store; whatever is asked of it goes through the breaker, but for its closing."""
    return cast(T, _Guarded(store, breaker))
