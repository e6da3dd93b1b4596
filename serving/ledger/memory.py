"""The ledger in memory: for tests and for a single process that may forget."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray


class MemoryLedger:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[tuple[date, str], int] = defaultdict(int)
        self._order: dict[date, list[str]] = defaultdict(list)
        self._charges: dict[str, int] = {}
        self._seen: dict[tuple[date, str], dict[str, int]] = defaultdict(dict)

    def spent(self, campaign_ids: Sequence[str], day: date) -> NDArray[np.int64]:
        return np.array([self._spent.get((day, c), 0) for c in campaign_ids], np.int64)

    def changes(self, day: date, after: int) -> tuple[list[tuple[str, int]], int]:
        with self._lock:
            order = self._order[day]
            return [(c, self._spent[day, c]) for c in dict.fromkeys(order[after:])], len(order)

    def charge(self, event_id: str, campaign_id: str, day: date, micros: int, daily_budget_micros: int) -> int:
        with self._lock:
            if event_id not in self._charges:
                due = max(min(micros, daily_budget_micros - self._spent[day, campaign_id]), 0)
                self._spent[day, campaign_id] += due
                self._order[day].append(campaign_id)
                self._charges[event_id] = due
            return self._charges[event_id]

    def expose(self, user_id: str, campaign_ids: Sequence[str], day: date) -> None:
        with self._lock:
            seen = self._seen[day, user_id]
            for campaign in campaign_ids:
                seen[campaign] = seen.get(campaign, 0) + 1

    def exposures(self, user_id: str, day: date) -> dict[str, int]:
        return dict(self._seen.get((day, user_id), {}))

    def close(self) -> None:
        """Nothing to release."""
