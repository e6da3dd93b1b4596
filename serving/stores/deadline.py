"""Until when the work of a thread has to be done: whoever waits on the way there waits no longer than that."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class _Due(threading.local):
    moment = math.inf


_due = _Due()


@contextmanager
def due(moment: float) -> Iterator[None]:
    """What this thread does in the block has to be done by then; moment: of time.perf_counter."""
    before, _due.moment = _due.moment, moment
    try:
        yield
    finally:
        _due.moment = before


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What this thread does in the block has to be done in so many seconds, or by the moment that was set before where that is earlier."""
    with due(time.perf_counter() + min(left(), seconds)):
        yield


def left() -> float:
    """Seconds until this thread's work has to be done, negative once it is late; infinity where nobody waits for it."""
    return _due.moment - time.perf_counter()
