"""No campaign that has spent its day's budget."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.ledger.ledger import Ledger
from serving.record.request import AdRequest
from serving.snapshot import Snapshot


@dataclass
class _Books:
    """What each of a snapshot's campaigns has left of a day, micros, as of the ledger's mark."""

    snapshot: Snapshot
    day: date
    left: NDArray[np.int64]
    mark: int = 0


class Budget:
    """Drops the ads of campaigns that have spent the day's budget. Asks the ledger only for what has changed since the request before; the
    ledger itself never charges more than is left."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._books: _Books | None = None

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        left = self._left(candidates.snapshot, request.ts.date())
        return np.asarray(left.take(candidates.campaigns) > 0)

    def _left(self, snapshot: Snapshot, day: date) -> NDArray[np.int64]:
        with self._lock:
            books = self._books
            if books is None or books.snapshot is not snapshot or books.day != day:
                books = self._books = _Books(snapshot, day, np.array(snapshot["campaign.budget_micros"], np.int64))
            changed, books.mark = self._ledger.changes(day, books.mark)
            for campaign, spent in changed:
                place = snapshot.campaign_place.get(campaign)
                if place is not None:
                    books.left[place] = snapshot["campaign.budget_micros"][place] - spent
            return books.left
