"""How good an ad is for a request beyond its chance of a click: the factor that its bid's value is multiplied by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from feature_repo.tables.ad_performance import HIDE_RATE
from serving.engine.candidates import Candidates, Scores
from serving.engine.stages import Context
from serving.record.decision import QualityParts
from serving.record.request import AdRequest

HIDE: Final = f"ad.{HIDE_RATE}"
HIDE_COST: Final = 10.0
"""How much one hide or report per impression lowers an ad's quality."""
BY_CTR, BY_RELEVANCE, BY_PAGE = 0.4, 0.3, 0.3
"""Weights of the parts in the displayed score."""


@dataclass(frozen=True)
class Quality:
    """factor: (n,), positive; the parts, (n,) in [0, 1], where a surface has them, page_age_days but for
    those that were never read. ctr: 1/2 at the search's median pCTR."""

    factor: NDArray[np.float64]
    ctr: NDArray[np.float64] | None = None
    relevance: NDArray[np.float64] | None = None
    page: NDArray[np.float64] | None = None
    page_known: NDArray[np.bool_] | None = None
    page_age_days: NDArray[np.float32] | None = None

    def parts(self, i: int) -> QualityParts | None:
        """What is shown of one candidate's quality."""
        if self.ctr is None or self.relevance is None or self.page is None or self.page_known is None:
            return None
        ctr, relevance, page = float(self.ctr[i]), float(self.relevance[i]), float(self.page[i])
        score = 1 + round(9 * (BY_CTR * ctr + BY_RELEVANCE * relevance + BY_PAGE * page))
        known = bool(self.page_known[i])
        age = float(self.page_age_days[i]) if known and self.page_age_days is not None else None
        return QualityParts(score, ctr, relevance, page, known, age)


class QualityModel(Protocol):
    def quality(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores) -> Quality: ...


class Unhidden:
    """1 for an ad that nobody hides, less the more do."""

    def quality(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores) -> Quality:
        return Quality(1 / (1 + HIDE_COST * np.asarray(candidates.of(HIDE), np.float64)))
