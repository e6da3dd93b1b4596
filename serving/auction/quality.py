"""How good an ad is for a request beyond its chance of a click: the quality factor, by which the auction multiplies an ad's eCPM, and the
cost that it takes off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from serving.engine.candidates import Candidates, Scores
from serving.engine.stages import Context
from serving.record.decision import QualityParts
from serving.record.request import AdRequest

BY_CTR, BY_RELEVANCE, BY_PAGE = 0.4, 0.3, 0.3
"""Weights of the parts in the displayed score."""


@dataclass(frozen=True)
class Quality:
    """The quality of n candidates for a request.

    factor: (n,), positive. ctr, relevance and page are parts that are shown to people, (n,) in [0, 1], None on surfaces without them:
    ctr is 1/2 at the median pCTR of the request's candidates; page says how well the landing page answers. page_known: whether that
    page was ever read; page_age_days: how long ago, meaningless where it was not. cost: what a thousand impressions are expected to lose,
    (n,), micros, never negative; None for nothing. phide: the probability of a hide that the cost comes from, (n,).

    The score that is shown is 1 + 9 × (0.4 ctr + 0.3 relevance + 0.3 page), rounded:

    >>> half, read = np.array([0.5]), np.array([True])
    >>> Quality(np.array([0.85]), ctr=half, relevance=np.array([1.0]), page=half, page_known=read).parts(0).score
    7
    """

    factor: NDArray[np.float64]
    ctr: NDArray[np.float64] | None = None
    relevance: NDArray[np.float64] | None = None
    page: NDArray[np.float64] | None = None
    page_known: NDArray[np.bool_] | None = None
    page_age_days: NDArray[np.float32] | None = None
    cost: NDArray[np.int64] | None = None
    phide: NDArray[np.float64] | None = None

    @property
    def costs(self) -> NDArray[np.int64]:
        """The cost of each, (n,), micros per thousand impressions."""
        return np.zeros(len(self.factor), np.int64) if self.cost is None else self.cost

    def parts(self, i: int) -> QualityParts | None:
        """What people are shown of the quality of candidate i; None where the surface has no parts."""
        if self.ctr is None or self.relevance is None or self.page is None or self.page_known is None:
            return None
        ctr, relevance, page = float(self.ctr[i]), float(self.relevance[i]), float(self.page[i])
        score = 1 + round(9 * (BY_CTR * ctr + BY_RELEVANCE * relevance + BY_PAGE * page))
        known = bool(self.page_known[i])
        age = float(self.page_age_days[i]) if known and self.page_age_days is not None else None
        return QualityParts(score, ctr, relevance, page, known, age)


class QualityModel(Protocol):
    def quality(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores) -> Quality: ...
