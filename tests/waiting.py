"""Waiting for what nothing tells of."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool]) -> None:
    """Returns once it holds."""
    while not holds():
        time.sleep(0.005)
