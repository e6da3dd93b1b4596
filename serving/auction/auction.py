"""The auction's arithmetic: rank scores in eCPM, prices in integer micros. Pure functions over columns.

Generalised second price with quality (Edelman, Ostrovsky and Schwarz 2007; Varian 2007): rank = bid value × quality, and each winner
pays the least that would have kept its place.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import OBJECTIVES

CPC, CPM, CPA = (OBJECTIVES.index(o) for o in ("cpc", "cpm", "cpa"))
CHARGED_ON: Final = {CPC: "click", CPM: "impression", CPA: "conversion"}
PER_THOUSAND: Final = 1000


def payable(objective: NDArray[np.integer], bid_micros: NDArray[np.int64]) -> NDArray[np.int64]:
    """What a bid can pay in whole micros: a bid per thousand counts to the last micro per impression, the others whole."""
    return np.where(objective == CPM, bid_micros - bid_micros % PER_THOUSAND, bid_micros)


def value_per_bid(objective: NDArray[np.integer], pctr: NDArray[np.float64], pcvr: NDArray[np.float64]) -> NDArray[np.float64]:
    """eCPM micros per micro of bid: 1,000 pCTR for clicks, 1 for impressions (bids are per thousand), 1,000 pCTR × pCVR for
    conversions. nan where a conversion has no probability."""
    return np.select([objective == CPC, objective == CPM], [pctr * PER_THOUSAND, np.ones_like(pctr)], pctr * pcvr * PER_THOUSAND)


def rank_scores(bid_micros: NDArray[np.int64], unit: NDArray[np.float64], quality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quality-adjusted eCPM, micros per thousand impressions; monotone in bid, in probability and in quality."""
    return np.asarray(bid_micros * unit * quality)


def price(bid_micros: int, unit: float, quality: float, next_score: float, floor_micros: int) -> tuple[int, str]:
    """The least integer bid whose rank score reaches `next_score` and whose eCPM reaches the floor, and what set it.

    Never over the bid: the caller only passes ads whose bid reaches both. rule: `next` or `floor`.
    """
    to_keep = next_score / (unit * quality) if unit * quality > 0 else 0.0
    to_clear = floor_micros / unit if unit > 0 else 0.0
    least = int(np.ceil(max(to_keep, to_clear) - 1e-9))
    return min(max(least, 0), bid_micros), "next" if to_keep > to_clear else "floor"
