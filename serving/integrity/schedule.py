"""When a campaign runs: between its start and end, in its hours of the day (UTC)."""

from __future__ import annotations

import numpy as np

from serving.candidates import Candidates, Mask
from serving.request import AdRequest
from serving.stages import Context


class Schedule:
    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        now = int(request.ts.timestamp())
        snapshot = candidates.snapshot
        hour = np.uint64(1) << np.uint64(request.ts.hour)
        runs = (snapshot["campaign.start"] <= now) & (now < snapshot["campaign.end"]) & ((snapshot["campaign.hours"] & hour) != 0)
        return np.asarray(runs[candidates.campaigns])
