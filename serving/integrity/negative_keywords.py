"""Ads whose advertisers said for which searches they are not to be shown."""

from __future__ import annotations

import numpy as np

from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.record.request import AdRequest


class NegativeKeywords:
    """Admits what no negative keyword of the ad's group or campaign matches, however the ad was found."""

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        index = candidates.snapshot.keywords
        if context.query is None or index is None:
            return np.ones(len(candidates), bool)
        return ~index.excluded(context.query, candidates.rows)
