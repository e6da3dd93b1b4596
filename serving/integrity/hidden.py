"""Drops what the asker hid or reported: the ad, and after a second hide, or a report, every ad of the advertiser."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.record.request import AdRequest

HIDES: Final = 2
"""Hides of an advertiser's ads after which none of them is shown to the user."""


class Hidden:
    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        mask = np.ones(len(candidates), bool)
        if not context.hidden:
            return mask
        creatives = [hide.creative_id.encode() for hide in context.hidden]
        times = Counter(hide.advertiser_id.encode() for hide in context.hidden)
        reported = {hide.advertiser_id.encode() for hide in context.hidden if hide.reported}
        advertisers = [name for name, n in times.items() if n >= HIDES or name in reported]
        for column, unwanted in (("id.creative_id", creatives), ("id.advertiser_id", advertisers)):
            if unwanted:
                mask &= ~np.isin(candidates.of(column), unwanted)
        return mask
