"""What the asker has seen today: the ledger's counts, read once a request for the frequency caps and the rankers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.ledger.ledger import Ledger
from serving.record.request import AdRequest


class Exposures:
    """Without consent or an id nothing is counted, and nothing is read."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def understand(self, request: AdRequest, context: Context, live: Live) -> Context:
        return replace(context, exposures=self._ledger.exposures(request.asker, request.ts.date()) if request.asker else {})


def times_seen(context: Context, candidates: Candidates) -> NDArray[np.float64]:
    """How often each candidate's campaign was shown to the asker before, that day: (n,), or (1,) zero where nothing is known."""
    if not context.exposures:
        return np.zeros(1)
    places = candidates.snapshot.campaign_place
    shown = np.zeros(len(places))
    for campaign, times in context.exposures.items():
        if campaign in places:
            shown[places[campaign]] = times
    return np.asarray(shown[candidates.campaigns])
