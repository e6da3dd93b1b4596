"""The auction's arithmetic: rank scores in eCPM, prices in integer micros. Pure functions over columns.

Generalised second price with quality (Edelman, Ostrovsky and Schwarz 2007; Varian 2007) and with the hidden cost of an ad (Abrams and
Schwarz 2007): rank score = eCPM of the bid × quality − cost, and each winner pays the least bid that would have kept its place. A micro is
a millionth of the currency unit; eCPM is what a thousand impressions are expected to bring; a cost is what they are expected to lose.

Two ads bid by the click for one slot whose floor (reserve) is an eCPM of 6,000 micros. Ad 0 bids 1.00 and is clicked in 2 % of
impressions, ad 1 bids 1.50 and is clicked in 1 %:

>>> objective, bid = np.array([CPC, CPC]), np.array([1_000_000, 1_500_000])
>>> unit = value_per_bid(objective, pctr=np.array([0.02, 0.01]), pcvr=np.zeros(2))
>>> (bid * unit).tolist()  # eCPM, micros per thousand impressions
[20000000.0, 15000000.0]

Ad 1 has the better quality factor, but not by enough; ad 0 wins and pays what ad 1's rank score asks of it per click:

>>> quality = np.array([0.8, 1.0])
>>> scores = rank_scores(bid, unit, quality)
>>> scores.tolist()
[16000000.0, 15000000.0]
>>> price(1_000_000, unit[0], quality[0], next_score=scores[1], floor_micros=6_000)  # 15,000,000 / (20 × 0.8)
(937500, 'next')

Without a competitor only the floor is left to clear, whatever the quality is:

>>> price(1_000_000, unit[0], quality[0], next_score=0.0, floor_micros=6_000)  # 6,000 / 20
(300, 'floor')

An ad that annoys needs a higher bid for the same place, and pays for what it loses where nobody competes with it:

>>> rank_scores(bid, unit, quality, cost=np.array([1_200_000, 0])).tolist()
[14800000.0, 15000000.0]
>>> price(1_000_000, unit[0], quality[0], next_score=0.0, floor_micros=6_000, cost=80_000)  # 80,000 / (20 × 0.8)
(5000, 'annoyance')
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
    """The part of a bid that can be charged, (n,): prices are whole micros per charged event, so a bid per thousand impressions is
    rounded down to a multiple of 1,000. Bids per click and per conversion are charged whole.

    >>> payable(np.array([CPM, CPC]), np.array([2_345_678, 345_678])).tolist()
    [2345000, 345678]
    """
    return np.where(objective == CPM, bid_micros - bid_micros % PER_THOUSAND, bid_micros)


def value_per_bid(objective: NDArray[np.integer], pctr: NDArray[np.float64], pcvr: NDArray[np.float64]) -> NDArray[np.float64]:
    """eCPM micros per micro of bid, (n,): 1,000 pCTR for bids per click, 1 for bids per thousand impressions, 1,000 pCTR × pCVR for
    bids per conversion. nan where a conversion has no probability.

    >>> value_per_bid(np.array([CPC, CPM, CPA]), pctr=np.full(3, 0.02), pcvr=np.full(3, 0.1)).tolist()
    [20.0, 1.0, 2.0]
    """
    by_click_or_conversion = np.where(objective == CPC, pctr, pctr * pcvr) * PER_THOUSAND
    return np.where(objective == CPM, 1.0, by_click_or_conversion)


def rank_scores(
    bid_micros: NDArray[np.int64], unit: NDArray[np.float64], quality: NDArray[np.float64], cost: NDArray[np.int64] | int = 0
) -> NDArray[np.float64]:
    """eCPM × quality − cost, (n,), micros per thousand impressions; it grows with the bid, with the probabilities and with the quality.
    Below 0 an ad loses more than it brings. cost: what a thousand impressions lose, micros.

    >>> rank_scores(np.array([1_000_000]), unit=np.array([20.0]), quality=np.array([0.8]), cost=np.array([500_000])).tolist()
    [15500000.0]
    """
    return np.asarray(bid_micros * unit * quality - cost)


def price(bid_micros: int, unit: float, quality: float, next_score: float, floor_micros: int, cost: int = 0) -> tuple[int, str]:
    """The least integer bid whose rank score reaches `next_score` and whose eCPM reaches the floor, and which of them set it: `next` or
    `floor`, or `annoyance` where nobody competes and the ad's own cost asks for more than the floor.

    bid_micros: the winner's bid, which the price never exceeds; the caller only passes ads whose bid reaches both. unit: eCPM micros
    per micro of bid, see `value_per_bid`. next_score: rank score of the best ad that did not get the place, 0 for none. floor_micros: least
    eCPM. cost: of the winner, see `rank_scores`.

    >>> price(1_000_000, unit=20.0, quality=0.5, next_score=4_000_000.0, floor_micros=50_000)  # 4,000,000 / (20 × 0.5)
    (400000, 'next')
    """
    to_keep = (next_score + cost) / (unit * quality) if unit * quality > 0 else 0.0
    to_clear = floor_micros / unit if unit > 0 else 0.0
    least = int(np.ceil(max(to_keep, to_clear) - 1e-9))
    rule = "floor" if to_keep <= to_clear else "next" if next_score > 0 else "annoyance"
    return min(max(least, 0), bid_micros), rule
