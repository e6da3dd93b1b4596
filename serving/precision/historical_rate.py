"""What is left when no ranker answers: each ad's own smoothed click rate on this surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feature_repo.request_time import SURFACE_NUMBER
from feature_repo.tables.ad_performance import CONVERSION_RATE, surface_rate
from feature_repo.taxonomy import SURFACES
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.record.request import AdRequest

RATES = tuple(f"ad.{surface_rate(s)}" for s in SURFACES)
CONVERSION = f"ad.{CONVERSION_RATE}"


def click_rate(request: AdRequest, candidates: Candidates) -> NDArray[np.float64]:
    """Each ad's smoothed click rate on the request's surface, shape (n,)."""
    return np.asarray(candidates.of(RATES[SURFACE_NUMBER[request.surface]]), np.float64)


class HistoricalRate:
    """Ranks by each ad's own click rate on the surface, smoothed towards the rates of its campaign and category. Calibrated on average, and
    the same for every asker."""

    def enable(self, request: AdRequest, context: Context, live: Live) -> bool:
        return True

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores:
        return Scores(click_rate(request, candidates), np.asarray(candidates.of(CONVERSION), np.float64), "historical_rate", "popular")
