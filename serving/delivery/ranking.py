"""The order in which candidates compete for the slots of a slate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.auction.auction import payable, rank_scores, value_per_bid
from serving.auction.quality import Quality
from serving.engine.candidates import Candidates, Scores


@dataclass(frozen=True)
class Ranking:
    """What the auction knows of the candidates, columns of shape (n,), and in which order they compete.

    objective: number in taxonomy.OBJECTIVES. bid: what can be paid, micros. unit: eCPM micros per micro of bid. rank: rank scores,
    eCPM micros. best: positions of those who clear the floor and bring no less than they cost, best first, (m,). dropped: how many do not
    compete, by rule.
    """

    objective: NDArray[np.integer]
    bid: NDArray[np.int64]
    unit: NDArray[np.float64]
    quality: Quality
    rank: NDArray[np.float64]
    best: NDArray[np.int64]
    dropped: dict[str, int]

    @classmethod
    def of(
        cls, candidates: Candidates, scores: Scores, bids: NDArray[np.int64], quality: Quality, floor_micros: int, one_each: bool
    ) -> Ranking:
        """bids: one a candidate, (n,), micros. floor_micros: the least eCPM. one_each: an advertiser has at most one ad."""
        objective = candidates.of_campaigns("campaign.objective")
        bid = payable(objective, bids)
        unit = value_per_bid(objective, scores.pctr, scores.pcvr)
        rank = rank_scores(bid, unit, quality.factor, quality.costs)
        priceable = np.isfinite(rank) & (unit > 0)
        clears = priceable & (bid * np.where(priceable, unit, 0) >= floor_micros)
        competing = np.flatnonzero(clears & (rank >= 0))
        best = competing[np.argsort(-rank[competing], kind="stable")]
        able, clear = int(np.count_nonzero(priceable)), int(np.count_nonzero(clears))
        dropped = {"Unpriceable": len(priceable) - able, "Floor": able - clear, "Annoyance": clear - len(competing)}
        if one_each:
            best = _one_each(best, candidates.snapshot.campaign_advertiser.take(candidates.campaigns))
        return cls(objective, bid, unit, quality, rank, best, {rule: count for rule, count in dropped.items() if count})


def _one_each(best: NDArray[np.int64], owner: NDArray[np.integer]) -> NDArray[np.int64]:
    """The best ad of each advertiser, in order of rank: an advertiser cannot fill the page, and its second ad cannot set the price of its
    first."""
    owners, place = owner[best], np.arange(len(best))
    first = np.empty(int(owners.max(initial=-1)) + 2, np.int64)  # of each owner; the last element is of campaigns without one, number -1
    first[owners[::-1]] = place[::-1]  # of those that are written to one element, the last stays: the owner's best
    return np.asarray(best[first[owners] == place])
