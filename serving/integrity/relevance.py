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
"""A category with at least this share of the best category's probability is always relevant, so that a query whose category is not clear
keeps the ads of the likeliest ones."""


class Relevance:
    """Admits ads whose category has at least `least` of the query's probability, or SHARE of its best category's; those whose
    advertiser bought these very words; and those of no known category."""

    def __init__(self, least: float) -> None:
        self._least = least

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        query = context.query
        if query is None or not query.categories or candidates.match is None:
            return np.ones(len(candidates), bool)
        probability = np.zeros(len(CATEGORY_NUMBER))
        for named, p in query.categories:
            probability[CATEGORY_NUMBER.get(named, UNKNOWN)] = p
        enough = min(self._least, SHARE * float(probability.max()))
        category = candidates.of("ad.category_code")
        return np.asarray((probability[category] >= enough) | (category == UNKNOWN) | (candidates.match.kind == EXACT))
