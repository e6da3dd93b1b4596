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
"""Relevance of an ad that was found by an exact, a phrase or a broad keyword, by meaning alone, and, last because its number is -1,
without a known match."""
CLOSE: Final = 0.95
"""By how much relevance is multiplied where the query is a close variant of the keyword (a plural, a misspelling)."""


class QualityScore:
    """A search ad's quality, after the parts that search-ad platforms make public: expected click-through rate (which the
    auction has from the ranker, at the first position), ad relevance, and landing-page experience.

    Each part counts once: relevance is in the click-through rate, whose ranker reads match and similarity. So
    factor = 0.7 + 0.3 landing page.

    Two ads whose landing pages were never read, which counts as 0.5, so that both have the factor 0.7 + 0.3 × 0.5. The parts of the
    second: pCTR 0.03 beside a median of 0.02 is 1.5 / 2.5 = 0.6, found by meaning alone is a relevance of 0.5.

    >>> from serving.engine.stages import NOBODY
    >>> ads, scores = Candidates(None, np.array([0, 1])), Scores(np.array([0.01, 0.03]), np.zeros(2), "a ranker", "full")
    >>> quality = QualityScore().quality(None, NOBODY, ads, scores)
    >>> quality.factor.tolist(), quality.parts(1).score
    ([0.85, 0.85], 6)
    """

    def quality(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores) -> Quality:
        n = len(candidates)
        relevance = self._relevance(candidates)
        page, known, age = np.full(n, 0.5), np.zeros(n, bool), np.zeros(n, np.float32)
        if context.query is not None:
            page, known = page_relevance(candidates.snapshot, context.query, context.query_vector, candidates.rows)
            age[known] = candidates.snapshot["page.age_days"][candidates.of("page")[known]]
        against = scores.pctr / max(float(np.median(scores.pctr)), 1e-12) if n else scores.pctr
        return Quality(0.7 + 0.3 * page, against / (1 + against), relevance, page, known, age)

    def _relevance(self, candidates: Candidates) -> NDArray[np.float64]:
        """Ad relevance in [0, 1], (n,): how the ad was matched, averaged with the similarity of query and ad where that is known."""
        match = candidates.match
        if match is None:
            return np.full(len(candidates), MATCH_RELEVANCE[NONE])
        matched = MATCH_RELEVANCE[match.kind] * np.where(match.close, CLOSE, 1.0)
        alike = np.clip(match.similarity.astype(np.float64), 0, 1)
        return np.where(np.isnan(match.similarity), matched, (matched + alike) / 2)
