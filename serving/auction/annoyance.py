"""What an ad that people hide costs the platform, in money: the cost of annoyance, which the auction takes off an ad's eCPM."""

from __future__ import annotations

from typing import Final

import numpy as np

from feature_repo.tables.ad_performance import HIDE_RATE
from serving.auction.auction import PER_THOUSAND
from serving.auction.quality import Quality
from serving.engine.candidates import Candidates, Scores
from serving.engine.stages import Context
from serving.record.request import AdRequest

HIDE: Final = f"ad.{HIDE_RATE}"


class Annoyance:
    """cost = 1,000 × P(a hide or a report) × what one costs, in whole micros: the hidden cost of an ad (Abrams and Schwarz 2007), which is
    the revenue that a user who was annoyed no longer brings. All factors are 1.

    hide_cost_micros: the revenue that is lost through one hide or report. The probability is what the bundle that scored has learned of
    this user and this ad; where it has learned none, the ad's smoothed rate of the last 30 days.

    >>> from types import SimpleNamespace
    >>> ads = SimpleNamespace(of=lambda column: np.array([0.0, 0.1]))  # hides and reports per impression of two ads
    >>> nobody_learned = Scores(np.zeros(2), np.zeros(2), "", "popular")
    >>> Annoyance(100_000).quality(None, None, ads, nobody_learned).costs.tolist()  # 1,000 × 0.1 × 100,000
    [0, 10000000]
    """

    def __init__(self, hide_cost_micros: int) -> None:
        self._cost = hide_cost_micros

    def quality(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores) -> Quality:
        phide = np.asarray(candidates.of(HIDE), np.float64) if scores.phide is None else scores.phide
        cost = np.rint(PER_THOUSAND * self._cost * phide).astype(np.int64)
        return Quality(np.ones(len(phide)), cost=cost, phide=phide)
