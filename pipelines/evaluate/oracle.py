"""The best that a surface could show: its own rules, layout and prices, with the simulator's true rates in place of models."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import OBJECTIVES
from pipelines.errors import Missing
from pipelines.simulator.truth import Judge
from serving.auction.auction import value_per_bid
from serving.auction.bids import AdvertiserBids
from serving.auction.quality import Quality
from serving.delivery.layout import TopAndBottom
from serving.delivery.second_price import SecondPrice
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.engine.surface import Surface
from serving.integrity.relevance import Relevance
from serving.record.decision import Decision
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.sourcing.meaning import by_meaning

SEARCH: Final = "search"


class EveryAnswer:
    """Every ad of the snapshot that answers the search at all, as found by meaning."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def source(self, request: AdRequest, context: Context, live: Live, found: int) -> Candidates:
        if live.snapshot is None:
            raise Missing("snapshot", "none", "Publish features first.")
        ids = [c.decode() for c in live.snapshot["id.creative_id"]]
        rows = np.flatnonzero(self._judge.answers(request.request_id, ids) > 0)
        return Candidates(live.snapshot, rows, match=by_meaning(np.zeros(len(rows), np.float32)))


class TrueRates:
    """The simulator's own probabilities; keeps who was eligible for each search."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.eligible: dict[str, list[str]] = {}

    def enable(self, request: AdRequest, context: Context, live: Live) -> bool:
        return True

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores:
        ids = [c.decode() for c in candidates.of("id.creative_id")]
        self.eligible[request.request_id] = ids
        asked = request.request_id
        return Scores(self._judge.p_click(asked, ids), self._judge.p_conversion(asked, ids), "truth", "full")


class Alike:
    """A quality model for which every ad has the factor 1: ads are ranked by eCPM alone."""

    def quality(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores) -> Quality:
        return Quality(np.ones(len(candidates)))


def oracle(staged: Surface, settings: Settings, judge: Judge, truth: TrueRates) -> Surface:
    """A surface that explores nothing and ranks what `staged` would admit by true eCPM alone. On search it considers every ad that answers
    at all, and needs no rule that guesses whether one does."""
    parts = {f: getattr(staged, f) for f in ("name", "understanding", "sourcing", "eligibility", "recall", "integrity")}
    reserve, seed = settings.delivery.reserve_micros, settings.seed
    if staged.name == SEARCH:
        layout = TopAndBottom(settings.delivery.top_slots, settings.delivery.top_factor, settings.delivery.informational_slots)
        auction = SecondPrice(0.0, reserve, seed, AdvertiserBids(), Alike(), layout, settings.delivery.one_ad_per_advertiser)
        parts["sourcing"] = (EveryAnswer(judge),)
        parts["integrity"] = tuple(c for c in staged.integrity if not isinstance(c, Relevance))
    else:
        auction = SecondPrice(0.0, reserve, seed, AdvertiserBids(), Alike())
    return Surface(**parts, precision=(truth,), delivery=auction)


def worth(decision: Decision, judge: Judge, looked: NDArray[np.float64]) -> float:
    """Expected auction value of what a decision shows, micros: the sum of P(looked at) × true eCPM / 1,000; on search, of the ads that
    answer at all. looked: by position, from the first."""
    if not decision.shown:
        return 0.0
    visit, ids = decision.request.request_id, [ad.creative_id for ad in decision.shown]
    objective = np.array([OBJECTIVES.index(ad.objective) for ad in decision.shown], np.int64)
    unit = value_per_bid(objective, judge.p_click(visit, ids), judge.p_conversion(visit, ids))
    bids = np.array([ad.bid_micros for ad in decision.shown], np.float64)
    counts = judge.answers(visit, ids) > 0 if decision.request.surface == SEARCH else np.ones(len(ids), bool)
    return float((looked[[ad.position - 1 for ad in decision.shown]] * bids * unit)[counts].sum()) / 1000
