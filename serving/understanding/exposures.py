"""What the asker has seen today, and what they hid: read once a request, for the frequency caps, the rule `Hidden` and the rankers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.ledger.ledger import AskerState, Ledger
from serving.record.request import AdRequest


class Exposures:
    """Without consent or an id nothing is counted, and nothing is read."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def understand(self, request: AdRequest, context: Context, live: Live) -> Context:
        past = self._ledger.past(request.asker, request.ts.date(), request.ts) if request.asker else AskerState()
        return replace(context, exposures=past.exposures, promised=past.promised, hidden=past.hidden)


def times_seen(context: Context, candidates: Candidates) -> NDArray[np.float64]:
    """How often each candidate's campaign was seen by the asker before, that day: (n,), or (1,) zero where nothing is known."""
    return _by_candidate(context.exposures or {}, candidates)


def times_promised(context: Context, candidates: Candidates) -> NDArray[np.float64]:
    """How often each candidate's campaign may still be seen on earlier pages of the day: (n,), or (1,) zero where on none."""
    return _by_candidate(context.promised, candidates)


def _by_candidate(counts: Mapping[str, int], candidates: Candidates) -> NDArray[np.float64]:
    if not counts:
        return np.zeros(1)
    places = candidates.snapshot.campaign_place
    shown = np.zeros(len(places))
    for campaign, times in counts.items():
        if campaign in places:
            shown[places[campaign]] = times
    return np.asarray(shown[candidates.campaigns])
