"""No campaign that has shown its fill to this user today."""

from __future__ import annotations

import numpy as np

from serving.candidates import Candidates, Mask
from serving.request import AdRequest
from serving.stages import Context
from serving.state.ledger import Ledger


class FrequencyCap:
    """A cap of 0 is none. Without consent or an id nothing is counted, and capped campaigns are not shown."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        cap = candidates.snapshot["campaign.cap"][candidates.campaigns]
        if not request.user_id or not request.consent:
            return np.asarray(cap == 0)
        seen = self._ledger.exposures(request.user_id, request.ts.date())
        if not seen:
            return np.ones(len(candidates), bool)
        shown = np.zeros(len(candidates.snapshot["campaign.cap"]), np.int64)
        for campaign, times in seen.items():
            place = candidates.snapshot.campaign_place.get(campaign)
            if place is not None:
                shown[place] = times
        return np.asarray((cap == 0) | (shown[candidates.campaigns] < cap))
