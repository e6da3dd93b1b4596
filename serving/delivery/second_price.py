"""Ranks by quality-adjusted eCPM less the cost of annoyance, prices by generalised second price, explores a small share with exact
propensities."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.text import query_key
from serving.auction.annoyance import Annoyance
from serving.auction.auction import CHARGED_ON, CPM, PER_THOUSAND, price
from serving.auction.bids import AdvertiserBids, Bids
from serving.auction.quality import QualityModel
from serving.delivery.copywriter import Copywriter
from serving.delivery.exploration import draws
from serving.delivery.layout import EMPTY, Layout, OneBlock, places
from serving.delivery.ranked_ads import ranked_ads
from serving.delivery.ranking import Ranking
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context, Slate
from serving.record.decision import Price
from serving.record.lottery import Lottery
from serving.record.request import AdRequest

HELD: Final = 20
"""Losers kept in the record, for explanations."""


class SecondPrice:
    """One slate. explore_share: of requests whose order is drawn at random. reserve_micros: floor where a placement has none.

    bids, quality, layout: what a surface lets candidates bid, how it judges them (by default all alike) and where they may stand.
    one_each: an advertiser has at most one ad on a slate. blocked: words that are never inserted into an ad's text.
    """

    def __init__(
        self, explore_share: float, reserve_micros: int, seed: int, bids: Bids | None = None, quality: QualityModel | None = None,
        layout: Layout | None = None, one_each: bool = True, blocked: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._explore, self._reserve, self._seed, self._one_each = explore_share, reserve_micros, seed, one_each
        self._bids, self._quality, self._layout = bids or AdvertiserBids(), quality or Annoyance(0), layout or OneBlock()
        self._copywriter = Copywriter(explore_share, frozenset(filter(None, map(query_key, blocked))))

    def allocate(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores, live: Live) -> Slate:
        placement = candidates.snapshot.placement(request.surface, request.placement_id)
        floor = placement.floor_micros if placement else self._reserve
        slots = self._layout.slots(request, context, placement, floor)
        bids, quality = self._bids.bids(request, candidates), self._quality.quality(request, context, candidates, scores)
        ranking = Ranking.of(candidates, scores, bids, quality, floor, self._one_each)
        rng = draws(request, self._seed)
        explored = len(ranking.best) > 0 and rng.random() < self._explore
        by_score = places(ranking.rank[ranking.best], slots.thresholds)
        usual = tuple("" if i == EMPTY else _creative(candidates, int(ranking.best[i])) for i in by_score)
        lottery = Lottery(self._explore, len(ranking.best), usual, slots.thresholds, floor)
        if explored:
            won = _dealt(ranking, rng.permutation(ranking.best)[: lottery.dealt], floor)
        else:
            won = _auctioned(ranking, by_score, slots.thresholds, floor)
        rows = np.array([winner.row for winner in won], np.int64)
        held = _best_losers(ranking, won)
        kept = ranked_ads(
            candidates, scores, ranking, np.array([*rows, *held], np.int64),
            [*(winner.price for winner in won), *(None for _ in held)], [*(winner.position for winner in won), *(0 for _ in held)], slots,
        )  # fmt: skip
        texts = self._copywriter.write(request, context, candidates, rows, scores, live, rng)
        shown = tuple(
            replace(ad, text=text, propensity=lottery.chance(ad.position - 1, ad.creative_id))
            for ad, text in zip(kept[: len(won)], texts, strict=True)
        )
        return Slate(shown, kept[len(won) :], explored, ranking.dropped, lottery)


@dataclass(frozen=True, slots=True)
class _Winner:
    """A candidate, by its place among them, with the position it has on the slate, from 1, and what it pays."""

    row: int
    position: int
    price: Price


def _dealt(ranking: Ranking, rows: NDArray[np.int64], floor_micros: int) -> list[_Winner]:
    """Who was drawn by lot, in the order of the slots: each pays what it would without a competitor."""
    return [_Winner(row, slot + 1, _price(ranking, row, 0.0, 0.0, floor_micros)) for slot, row in enumerate(rows.tolist())]


def _auctioned(ranking: Ranking, by_slot: Sequence[int], thresholds: Sequence[float], floor_micros: int) -> list[_Winner]:
    """Who won a slot. by_slot: each slot's winner, a place in `ranking.best`, or EMPTY. Each pays what keeps it above the next in
    rank and above the slot's threshold."""
    out = []
    for slot, i in enumerate(by_slot):
        if i != EMPTY:
            row = int(ranking.best[i])
            below = float(ranking.rank[ranking.best[i + 1]]) if i + 1 < len(ranking.best) else 0.0
            out.append(_Winner(row, slot + 1, _price(ranking, row, below, thresholds[slot], floor_micros)))
    return out


def _price(ranking: Ranking, row: int, below: float, least: float, floor_micros: int) -> Price:
    """below: rank score of the next in rank; least: of the slot; eCPM micros."""
    bid, objective = int(ranking.bid[row]), int(ranking.objective[row])
    quality, cost = float(ranking.quality.factor[row]), int(ranking.quality.costs[row])
    micros, rule = price(bid, float(ranking.unit[row]), quality, max(below, least), floor_micros, cost)
    if rule == "next" and least > below:
        rule = "threshold"
    if objective == CPM:  # per thousand; an impression pays its share in whole micros, never under the floor
        micros = -(-micros // PER_THOUSAND)
    return Price(micros, CHARGED_ON[objective], bid, round(below), floor_micros, rule, round(least))


def _best_losers(ranking: Ranking, won: Sequence[_Winner]) -> list[int]:
    """The places among the candidates of the HELD best that won no slot, best first."""
    winners = {winner.row for winner in won}
    return [row for row in ranking.best[: HELD + len(won)].tolist() if row not in winners][:HELD]


def _creative(candidates: Candidates, row: int) -> str:
    name: bytes = candidates.snapshot["id.creative_id"][candidates.rows[row]]
    return name.decode()
