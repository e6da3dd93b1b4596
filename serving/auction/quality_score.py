"""The quality of a search ad, from the parts that search-ad platforms make public."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.auction.page_relevance import page_relevance
from serving.auction.quality import Quality
from serving.engine.candidates import Candidates, Scores
from serving.engine.stages import Context
from serving.record.match import NONE
from serving.record.request import AdRequest

MATCH_RELEVANCE: Final = np.array([1.0, 0.9, 0.7, 0.5, 0.5])
"""By Match.kind: of an exact, a phrase, a broad keyword, of meaning alone, and, last because its number is -1, of none."""
CLOSE: Final = 0.95
"""A close variant's share of it."""
INFORMATIVE: Final = 0.25
"""How much a certainly informational search prefers creatives that inform."""


class QualityScore:
    """A search ad's quality, after the parts that search-ad platforms make public: expected click-through rate (which the
    auction has from the ranker, at the first position), ad relevance, and landing-page experience.

    Each part counts once: relevance is in the click-through rate, whose ranker reads match and similarity. So
    factor = 0.7 + 0.3 landing page, a little more for what informs those who ask to know.
    """

    def quality(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores) -> Quality:
        n = len(candidates)
        relevance = self._relevance(candidates)
        page, known, age = np.full(n, 0.5), np.zeros(n, bool), np.zeros(n, np.float32)
        if context.query is not None:
            page, known = page_relevance(candidates.snapshot, context.query, context.query_vector, candidates.rows)
            age[known] = candidates.snapshot["page.age_days"][candidates.of("page")[known]]
        factor = 0.7 + 0.3 * page
        if context.query is not None and context.query.intent == "informational":
            factor = factor * (1 + INFORMATIVE * context.query.intent_probability * candidates.of("informative"))
        against = scores.pctr / max(float(np.median(scores.pctr)), 1e-12) if n else scores.pctr
        return Quality(factor, against / (1 + against), relevance, page, known, age)

    def _relevance(self, candidates: Candidates) -> NDArray[np.float64]:
        """By how the ad was matched, and half by how alike query and ad are where that is known."""
        match = candidates.match
        if match is None:
            return np.full(len(candidates), MATCH_RELEVANCE[NONE])
        matched = MATCH_RELEVANCE[match.kind] * np.where(match.close, CLOSE, 1.0)
        alike = np.clip(match.similarity.astype(np.float64), 0, 1)
        return np.where(np.isnan(match.similarity), matched, (matched + alike) / 2)
