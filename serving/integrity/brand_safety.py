"""Who looks for one brand by name is not shown another's ads."""

from __future__ import annotations

import numpy as np

from serving.candidates import Candidates, Mask
from serving.request import AdRequest
from serving.stages import Context


class BrandSafety:
    """On a navigational query that names brands, admits only those brands' own ads, unless rivals are allowed."""

    def __init__(self, rivals: bool) -> None:
        self._rivals = rivals

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        query = context.query
        named = {e.text.encode() for e in query.entities if e.kind == "brand"} if query is not None else set()
        if self._rivals or query is None or query.intent != "navigational" or not named:
            return np.ones(len(candidates), bool)
        return np.asarray(np.isin(candidates.snapshot["campaign.brand"][candidates.campaigns], sorted(named)))
