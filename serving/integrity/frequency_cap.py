"""Drops the ads of campaigns that have been shown to this user as often today as their frequency cap allows."""

from __future__ import annotations

import numpy as np

from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.errors import ServingError
from serving.record.request import AdRequest
from serving.understanding.exposures import times_promised, times_seen


class FrequencyCap:
    """A cap of 0 is none. Without consent or an id nothing is counted, and capped campaigns are not shown."""

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        """Raises ServingError when nobody knows what was shown."""
        cap = candidates.of_campaigns("campaign.cap")
        if not request.asker:
            return np.asarray(cap == 0)
        if context.exposures is None:
            raise ServingError("exposures of the day", "unknown", "The ledger could not be read: see the flags before this one.")
        return np.asarray((cap == 0) | (times_seen(context, candidates) + times_promised(context, candidates) < cap))
