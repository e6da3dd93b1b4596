"""No campaign that somebody has paused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.ledger.ledger import Ledger
from serving.record.request import AdRequest

LOOK_SECONDS: Final = 1.0
"""How often the ledger is asked which campaigns are paused."""


class Paused:
    """Drops the ads of campaigns that are paused, at most LOOK_SECONDS after they were. Raises what the ledger raises: while nobody knows
    what is paused, nothing is shown."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._clock = ledger, clock
        self._lock = threading.Lock()
        self._looked, self._paused = -np.inf, frozenset[str]()

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        places = candidates.snapshot.campaign_place
        rows = [places[campaign] for campaign in self._now() if campaign in places]
        if not rows:
            return np.ones(len(candidates), bool)
        return np.asarray(~np.isin(candidates.campaigns, rows))

    def _now(self) -> frozenset[str]:
        with self._lock:
            if self._clock() - self._looked > LOOK_SECONDS:
                self._paused = self._ledger.paused()
                self._looked = self._clock()
            return self._paused
