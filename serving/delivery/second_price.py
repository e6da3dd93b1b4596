"""Ranks by quality-adjusted eCPM, prices by generalised second price, explores a small share with exact propensities."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.tables.ad_performance import HIDE_RATE
from feature_repo.taxonomy import OBJECTIVES
from serving.candidates import Candidates, Scores
from serving.decision import Price, RankedAd
from serving.delivery.auction import CHARGED_ON, CPM, PER_THOUSAND, payable, price, rank_scores, value_per_bid
from serving.request import AdRequest
from serving.stages import Slate

HIDE: Final = f"ad.{HIDE_RATE}"
HIDE_COST: Final = 10.0
"""How much one hide or report per impression lowers an ad's quality."""
HELD: Final = 20
"""Losers kept in the record, for explanations."""


class SecondPrice:
    """One slate. explore_share: of requests whose order is drawn at random. reserve_micros: floor where a placement has none."""

    def __init__(self, explore_share: float, reserve_micros: int, seed: int) -> None:
        self._explore, self._reserve, self._seed = explore_share, reserve_micros, seed

    def allocate(self, request: AdRequest, candidates: Candidates, scores: Scores) -> Slate:
        placement = candidates.snapshot.placements.get(request.placement_id or f"{request.surface}-main")
        floor = placement.floor_micros if placement else self._reserve
        slots = min(request.slots, placement.slots) if placement else request.slots
        campaign = candidates.campaigns
        objective = candidates.snapshot["campaign.objective"][campaign]
        bid = payable(objective, candidates.snapshot["campaign.bid_micros"][campaign])
        unit = value_per_bid(objective, scores.pctr, scores.pcvr)
        quality = 1 / (1 + HIDE_COST * np.asarray(candidates.of(HIDE), np.float64))
        rank = rank_scores(bid, unit, quality)
        priceable = np.isfinite(rank) & (unit > 0)
        clears = priceable & (bid * np.where(priceable, unit, 0) >= floor)
        dropped = {"Unpriceable": int((~priceable).sum()), "Floor": int((priceable & ~clears).sum())}
        best = np.flatnonzero(clears)[np.argsort(-rank[clears], kind="stable")]
        best = _one_each(best, candidates.snapshot.campaign_advertiser[campaign])
        rng = np.random.Generator(np.random.PCG64(self._draw(request)))
        explored = len(best) > 0 and rng.random() < self._explore
        order = rng.permutation(best) if explored else best
        n, won = len(best), order[:slots]
        propensity, prices = [], []
        for place, row in enumerate(won):
            propensity.append(float((1 - self._explore) * (best[place] == row) + self._explore / n))
            below = float(rank[best[place + 1]]) if place + 1 < n and not explored else 0.0
            prices.append(self._price(int(bid[row]), int(objective[row]), unit[row], quality[row], below, floor))
        lost = best[~np.isin(best, won)][:HELD]
        shown = self._ads(candidates, scores, won, rank, quality, propensity, prices)
        held = self._ads(candidates, scores, lost, rank, quality, [0.0] * len(lost), [None] * len(lost))
        return Slate(shown, held, explored, {k: v for k, v in dropped.items() if v})

    def _draw(self, request: AdRequest) -> int:
        """Exploration is a function of the request and the seed, so a decision can be replayed."""
        return int.from_bytes(hashlib.blake2b(f"{self._seed}|{request.request_id}".encode(), digest_size=8).digest(), "big")

    def _price(self, bid: int, objective: int, unit: float, quality: float, below: float, floor: int) -> Price:
        micros, rule = price(bid, float(unit), float(quality), below, floor)
        if objective == CPM:  # per thousand; an impression pays its share in whole micros, never under the floor
            micros = -(-micros // PER_THOUSAND)
        return Price(micros, CHARGED_ON[objective], bid, round(below), floor, rule)

    def _ads(
        self, candidates: Candidates, scores: Scores, rows: NDArray[np.int64], rank: NDArray[np.float64], quality: NDArray[np.float64],
        propensity: Sequence[float], prices: Sequence[Price | None],
    ) -> tuple[RankedAd, ...]:  # fmt: skip
        """Records of a few candidates, gathered column by column; only what has a price has a position."""
        snapshot, at, campaign = candidates.snapshot, candidates.rows[rows], candidates.campaigns[rows]
        creative, owner, advertiser = (snapshot[f"id.{name}"][at].tolist() for name in ("creative_id", "campaign_id", "advertiser_id"))
        objective, bid = snapshot["campaign.objective"][campaign].tolist(), snapshot["campaign.bid_micros"][campaign].tolist()
        pctr, pcvr, fit, ecpm = (column[rows].tolist() for column in (scores.pctr, scores.pcvr, quality, np.rint(rank)))
        features = [()] * len(rows) if scores.matrix is None else scores.matrix[rows].tolist()
        return tuple(
            RankedAd(
                creative[i].decode(), owner[i].decode(), advertiser[i].decode(), OBJECTIVES[objective[i]], bid[i], pctr[i],
                None if isnan(pcvr[i]) else pcvr[i], fit[i], int(ecpm[i]), position=i + 1 if prices[i] else 0,
                propensity=propensity[i], price=prices[i], features=tuple(features[i]),
            )
            for i in range(len(rows))
        )  # fmt: skip


def _one_each(best: NDArray[np.int64], owner: NDArray[np.integer]) -> NDArray[np.int64]:
    """The best ad of each advertiser, in order: nobody fills a slate, nobody is their own price."""
    _, first = np.unique(owner[best], return_index=True)
    return np.asarray(best[np.sort(first)])
