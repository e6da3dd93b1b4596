"""An ad of a category that the query hardly speaks of is not shown for it, however high its bid."""

from __future__ import annotations

from typing import Final

import numpy as np

from feature_repo.request_time import CATEGORY_NUMBER
from feature_repo.taxonomy import MATCH_TYPES
from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.record.request import AdRequest

EXACT: Final = MATCH_TYPES.index("exact")
UNKNOWN: Final = 0
"""The first of taxonomy.CATEGORIES."""
SHARE: Final = 0.8
"""A category that the words raise by at least this share of what they raise the best one by is always relevant, so that a query whose
category is not clear keeps the ads of the likeliest ones."""


class Relevance:
    """Admits ads of a category whose probability the query's words raise by at least `least`, or by SHARE of what they raise the best one
    by; those whose advertiser bought these very words; and those of no known category. All, where the words raise none."""

    def __init__(self, least: float) -> None:
        self._least = least

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        query = context.query
        if query is None or not query.added or candidates.match is None:
            return np.ones(len(candidates), bool)
        raised = np.zeros(len(CATEGORY_NUMBER))
        for named, by in query.added:
            raised[CATEGORY_NUMBER.get(named, UNKNOWN)] = by
        enough = min(self._least, SHARE * float(raised.max()))
        category = candidates.of("ad.category_code")
        return np.asarray((raised[category] >= enough) | (category == UNKNOWN) | (candidates.match.kind == EXACT))
