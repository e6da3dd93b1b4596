"""When a campaign runs: between its start and end, in its hours of the day (UTC)."""

from __future__ import annotations

import numpy as np

from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.record.request import AdRequest


class Schedule:
    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        now = int(request.ts.timestamp())
        start, end, hours = (candidates.of_campaigns(f"campaign.{name}") for name in ("start", "end", "hours"))
        return np.asarray((start <= now) & (now < end) & ((hours & (np.uint64(1) << np.uint64(request.ts.hour))) != 0))
