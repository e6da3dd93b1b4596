"""Policies whose value can be asked of what we served: a ranker's own slates, or slates at random."""

from __future__ import annotations

from collections.abc import Callable
from math import perm
from typing import Final

import numpy as np

from feature_repo.services import places_in
from feature_repo.taxonomy import OBJECTIVES
from pipelines.errors import PipelineError
from pipelines.evaluate.ope.served_rounds import Round, ServedRounds, context_of, stacked
from pipelines.evaluate.ope.target import Target
from serving.auction.auction import rank_scores, value_per_bid
from serving.bundles import Bundle
from serving.delivery.layout import EMPTY, places

UNIFORM: Final = "uniform"
MOST_LOST: Final = 0.01
"""Share of slates beyond the log's reach above which whole slates are not re-weighted at all."""


def reranked(served: ServedRounds, ranker: Bundle) -> Target:
    """The slate that each request would have got from this click ranker, with no exploration.

    The shortlist is scored on the vectors that serving logged, ranked and placed by the auction's own arithmetic. What the record
    does not hold stays as it was: bids, quality factors, costs of annoyance, conversion probabilities, and which ad of an advertiser
    competes. Raises PipelineError when the ranker reads other columns than were logged.
    """
    columns = dict[str, tuple[int, ...]]()
    for name in {r.decision.input for r in served.rounds}:
        found = places_in(name, ranker.manifest.columns)
        if found is None:
            raise PipelineError("target ranker", ranker.name, f"It reads {ranker.manifest.input}; decisions logged {name or 'no'} vectors.")
        columns[name] = found
    vectors = [np.take(ad.vector, columns[r.decision.input]) for r in served.rounds for ad in r.shortlist]
    scores = ranker.predict(np.array(vectors, np.float32)) if vectors else np.empty(0)
    ends = np.cumsum([len(r.shortlist) for r in served.rounds])
    slates = [slate_of(r, p) for r, p in zip(served.rounds, np.split(scores, ends[:-1]), strict=True)] if served.rounds else []
    return _of(
        served, ranker.name,
        lambda i, slot, name: float(slates[i][slot] == name),
        lambda i, slate: float(slates[i] == slate),
        lambda i, slot: [slates[i][slot]] if slates[i][slot] else [],
        sum(r.lottery.slate_chance(s) <= 0 for r, s in zip(served.rounds, slates, strict=True)) / max(len(slates), 1),
    )  # fmt: skip


def uniform(served: ServedRounds) -> Target:
    """The first slots dealt at random from the shortlist, whatever anyone bids."""
    sizes = [len(r.shortlist) for r in served.rounds]
    fills = [min(len(r.slate), n) for r, n in zip(served.rounds, sizes, strict=True)]
    names = [frozenset(ad.creative_id for ad in r.shortlist) for r in served.rounds]

    def chance(i: int, slot: int, name: str) -> float:
        within = slot < fills[i]
        return float(not within) if not name else (name in names[i]) / sizes[i] if within else 0.0

    def whole(i: int, slate: tuple[str, ...]) -> float:
        dealable = all((slot < fills[i]) == bool(name) and (not name or name in names[i]) for slot, name in enumerate(slate))
        return 1 / perm(sizes[i], fills[i]) if dealable else 0.0

    def options(i: int, slot: int) -> list[str]:
        return [ad.creative_id for ad in served.rounds[i].shortlist] if slot < fills[i] else []

    return _of(served, UNIFORM, chance, whole, options, 0.0)


def _of(
    served: ServedRounds, name: str, chance: Callable[[int, int, str], float], whole: Callable[[int, tuple[str, ...]], float],
    options: Callable[[int, int], list[str]], lost: float,
) -> Target:  # fmt: skip
    """From what a policy does in round i: the chance of an ad in a slot, of a slate, and the ads it may show in a slot, equally."""
    probability, at, likely, context, row, never = list[float](), list[int](), list[float](), list[tuple[float, ...]](), 0, 0.0
    for i, r in enumerate(served.rounds):
        ads = {ad.creative_id: ad for ad in r.shortlist}
        for slot, shown in enumerate(r.slate):
            probability.append(chance(i, slot, shown))
            for option in (chosen := options(i, slot)):
                at.append(row)
                likely.append(1 / len(chosen))
                context.append(context_of(slot, ads[option]))
                never += (r.lottery.chance(slot, option) <= 0) / len(chosen)
            row += 1
    slates = None if lost > MOST_LOST else np.array([whole(i, r.slate) for i, r in enumerate(served.rounds)])
    return Target(
        name, np.array(probability), np.array(at, np.int64), np.array(likely), stacked(context), slates, never / max(sum(likely), 1.0)
    )  # fmt: skip


def slate_of(r: Round, pctr: np.ndarray) -> tuple[str, ...]:
    """The auction's outcome with other click probabilities: creative by slot."""
    ads = r.shortlist
    bid = np.array([ad.bid_micros for ad in ads], np.int64)
    objective = np.array([OBJECTIVES.index(ad.objective) for ad in ads], np.int64)
    unit = value_per_bid(objective, pctr, np.array([np.nan if ad.pcvr is None else ad.pcvr for ad in ads], np.float64))
    unit = np.where(np.isfinite(unit), unit, 0.0)
    rank = rank_scores(bid, unit, np.array([ad.quality for ad in ads]), np.array([ad.cost_micros for ad in ads], np.int64))
    clears = (unit > 0) & (bid * unit >= r.lottery.floor_micros) & (rank >= 0)
    best = np.flatnonzero(clears)[np.argsort(-rank[clears], kind="stable")]
    return tuple("" if i == EMPTY else ads[int(best[i])].creative_id for i in places(rank[best], r.lottery.thresholds))
