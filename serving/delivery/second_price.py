"""Ranks by quality-adjusted eCPM, prices by generalised second price, explores a small share with exact propensities."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import MATCH_TYPES, OBJECTIVES
from feature_repo.text import query_key
from serving.auction.auction import CHARGED_ON, CPM, PER_THOUSAND, payable, price, rank_scores, value_per_bid
from serving.auction.bids import Bids, CampaignBids
from serving.auction.quality import Quality, QualityModel, Unhidden
from serving.delivery.copywriter import Copywriter
from serving.delivery.exploration import draws
from serving.delivery.layout import EMPTY, Layout, OneBlock, Slots, places
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context, Slate
from serving.record.decision import Price, RankedAd
from serving.record.lottery import Lottery
from serving.record.match import NO_KEYWORD
from serving.record.request import AdRequest

HELD: Final = 20
"""Losers kept in the record, for explanations."""
MATCH_NAMES: Final = (*MATCH_TYPES, "semantic", "")
"""By Match.kind; the last, whose number is -1, is that of none."""


class SecondPrice:
    """One slate. explore_share: of requests whose order is drawn at random. reserve_micros: floor where a placement has none.

    bids, quality, layout: what a surface lets candidates bid, how it judges them and where they may stand. one_each: an
    advertiser has at most one ad on a slate. blocked: words that are never inserted into an ad's text.
    """

    def __init__(
        self, explore_share: float, reserve_micros: int, seed: int, bids: Bids | None = None, quality: QualityModel | None = None,
        layout: Layout | None = None, one_each: bool = True, blocked: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._explore, self._reserve, self._seed, self._one_each = explore_share, reserve_micros, seed, one_each
        self._bids, self._quality, self._layout = bids or CampaignBids(), quality or Unhidden(), layout or OneBlock()
        self._copywriter = Copywriter(explore_share, frozenset(filter(None, map(query_key, blocked))))

    def allocate(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores, live: Live) -> Slate:
        placement = candidates.snapshot.placements.get(request.placement_id or f"{request.surface}-main")
        floor = placement.floor_micros if placement else self._reserve
        slots = self._layout.slots(request, context, placement, floor)
        campaign = candidates.campaigns
        objective = candidates.snapshot["campaign.objective"][campaign]
        bid = payable(objective, self._bids.bids(request, candidates))
        unit = value_per_bid(objective, scores.pctr, scores.pcvr)
        quality = self._quality.quality(request, context, candidates, scores)
        rank = rank_scores(bid, unit, quality.factor)
        priceable = np.isfinite(rank) & (unit > 0)
        clears = priceable & (bid * np.where(priceable, unit, 0) >= floor)
        dropped = {"Unpriceable": int((~priceable).sum()), "Floor": int((priceable & ~clears).sum())}
        best = np.flatnonzero(clears)[np.argsort(-rank[clears], kind="stable")]
        if self._one_each:
            best = _one_each(best, candidates.snapshot.campaign_advertiser[campaign])
        rng = draws(request, self._seed)
        explored = len(best) > 0 and rng.random() < self._explore
        by_score = places(rank[best], slots.thresholds)
        usual = tuple("" if i == EMPTY else _creative(candidates, int(best[i])) for i in by_score)
        lottery = Lottery(self._explore, len(best), usual, slots.thresholds, floor)
        taken = np.arange(lottery.dealt) if explored else by_score
        order = rng.permutation(best) if explored else best
        n, won = len(best), list[int]()
        prices, positions = list[Price](), list[int]()
        for place, i in enumerate(int(t) for t in taken):
            if i == EMPTY:
                continue
            row = int(order[i])
            below = float(rank[best[i + 1]]) if i + 1 < n and not explored else 0.0
            least = 0.0 if explored else slots.thresholds[place]
            prices.append(self._price(int(bid[row]), int(objective[row]), unit[row], quality.factor[row], below, least, floor))
            positions.append(place + 1)
            won.append(row)
        lost = best[~np.isin(best, won)][:HELD]
        shown = self._ads(candidates, scores, np.array(won, np.int64), bid, rank, quality, prices, positions, slots)
        held = self._ads(candidates, scores, lost, bid, rank, quality, [None] * len(lost), [0] * len(lost), slots)
        texts = self._copywriter.write(request, context, candidates, np.array(won, np.int64), scores, live, rng)
        shown = tuple(
            replace(ad, text=text, propensity=lottery.chance(ad.position - 1, ad.creative_id))
            for ad, text in zip(shown, texts, strict=True)
        )
        return Slate(shown, held, explored, {k: v for k, v in dropped.items() if v}, lottery)

    def _price(self, bid: int, objective: int, unit: float, quality: float, below: float, least: float, floor: int) -> Price:
        micros, rule = price(bid, float(unit), float(quality), max(below, least), floor)
        if rule == "next" and least > below:
            rule = "threshold"
        if objective == CPM:  # per thousand; an impression pays its share in whole micros, never under the floor
            micros = -(-micros // PER_THOUSAND)
        return Price(micros, CHARGED_ON[objective], bid, round(below), floor, rule, round(least))

    def _ads(
        self, candidates: Candidates, scores: Scores, rows: NDArray[np.int64], bids: NDArray[np.int64], rank: NDArray[np.float64],
        quality: Quality, prices: Sequence[Price | None], positions: Sequence[int], slots: Slots,
    ) -> tuple[RankedAd, ...]:  # fmt: skip
        """Records of a few candidates, gathered column by column; only what has a price has a position."""
        snapshot, at, campaign = candidates.snapshot, candidates.rows[rows], candidates.campaigns[rows]
        creative, owner, advertiser = (snapshot[f"id.{name}"][at].tolist() for name in ("creative_id", "campaign_id", "advertiser_id"))
        objective, bid = snapshot["campaign.objective"][campaign].tolist(), bids[rows].tolist()
        pctr, pcvr, fit, ecpm = (column[rows].tolist() for column in (scores.pctr, scores.pcvr, quality.factor, np.rint(rank)))
        features = [()] * len(rows) if scores.matrix is None else scores.matrix[rows].tolist()
        found = _found(candidates, rows)
        return tuple(
            RankedAd(
                creative[i].decode(), owner[i].decode(), advertiser[i].decode(), OBJECTIVES[objective[i]], bid[i], pctr[i],
                None if isnan(pcvr[i]) else pcvr[i], fit[i], int(ecpm[i]), position=positions[i], price=prices[i],
                features=tuple(features[i]), block=slots.block(positions[i]) if positions[i] else "",
                match=found[i][0], keyword=found[i][1], similarity=found[i][2], close=found[i][3],
                quality_parts=quality.parts(int(rows[i])),
                scored_by="" if scores.asked is None or scores.asked[rows[i]] else scores.other,
            )
            for i in range(len(rows))
        )  # fmt: skip


def _creative(candidates: Candidates, row: int) -> str:
    name: bytes = candidates.snapshot["id.creative_id"][candidates.rows[row]]
    return name.decode()


def _found(candidates: Candidates, rows: NDArray[np.int64]) -> list[tuple[str, str, float | None, bool]]:
    """How each was matched, by which keyword, how alike query and ad are, and whether it is a close variant of the keyword."""
    match = candidates.match
    if match is None:
        return [("", "", None, False)] * len(rows)
    index, out = candidates.snapshot.keywords, []
    columns = (match.kind, match.keyword, match.similarity, match.close)
    for kind, keyword, alike, close in zip(*(column[rows].tolist() for column in columns), strict=True):
        text = index.text(keyword) if index is not None and keyword != NO_KEYWORD else ""
        out.append((MATCH_NAMES[kind], text, None if isnan(alike) else alike, close))
    return out


def _one_each(best: NDArray[np.int64], owner: NDArray[np.integer]) -> NDArray[np.int64]:
    """The best ad of each advertiser, in order: nobody fills a slate, nobody is their own price."""
    _, first = np.unique(owner[best], return_index=True)
    return np.asarray(best[np.sort(first)])
