"""The logging policy: the best by expected revenue, but for a share of requests a slate drawn at random; both priced.

Every shown ad's propensity is exact: the chance of that ad at that position given the request, its eligible candidates, the
policy's scores and the rivals' bid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.simulator.inventory import Inventory
from pipelines.simulator.population import Floats, Ints

ASSUMED_CVR = 0.05
"""What the policy takes every click's chance of a conversion for."""
CPC, CPM = 0, 1
"""Codes of taxonomy.OBJECTIVES; what is neither is paid by conversion."""


@dataclass(frozen=True)
class Slates:
    """Slots of n requests, (n, depth). order: column of the candidates at each position; pays_micros: eCPM that keeps it."""

    order: Ints
    filled: NDArray[np.bool_]
    propensity: Floats
    pays_micros: Floats


def views_per_bid(objective: Ints, p_click: Floats) -> Floats:
    """How many bids a thousand impressions are expected to earn."""
    return np.select([objective == CPC, objective == CPM], [p_click * 1000, np.ones_like(p_click)], p_click * ASSUMED_CVR * 1000)


def allot(
    rate: Floats, eligible: NDArray[np.bool_], explored: NDArray[np.bool_], lot: Floats, slots: Ints, floor: Floats,
    rival: Floats, share: float, depth: int,
) -> Slates:  # fmt: skip
    """Fills each request's slots. rate: expected eCPM, micros, and lot: independent uniform numbers, (n, k); the others (n,).

    By score, an ad needs at least the floor and the rivals' best and pays what the next one would (generalised second price).
    A drawn slate (probability `share`) is a uniform permutation of the eligible, shown whatever rivals bid, at the floor.
    """
    score = np.where(eligible, rate, -np.inf)
    best = np.argsort(-score, axis=1, kind="stable")[:, : depth + 1]
    drawn = np.argsort(np.where(eligible, -lot, np.inf), axis=1, kind="stable")[:, :depth]
    order = np.where(explored[:, None], drawn, best[:, :depth])
    count = eligible.sum(axis=1)
    ranked = np.take_along_axis(score, best, axis=1)
    bar = np.maximum(floor, rival)[:, None]
    wins = ranked[:, :depth] >= bar
    room = np.arange(depth) < np.minimum(slots, count)[:, None]
    by_score = wins & (order == best[:, :depth])
    return Slates(
        order=order,
        filled=room & (explored[:, None] | wins),
        propensity=(1 - share) * by_score + (share / np.maximum(count, 1))[:, None],
        pays_micros=np.where(explored[:, None], floor[:, None], np.maximum(ranked[:, 1:], bar)),
    )


def price(pays_micros: Floats, views: Floats, bid_micros: Ints) -> Ints:
    """An eCPM in the unit of the bid (click, thousand impressions, conversion), never over it."""
    return np.minimum(np.ceil(pays_micros / np.maximum(views, 1e-12)), bid_micros).astype(np.int64)


def cost(objective: Ints, price_micros: Ints, clicked: NDArray[np.bool_], converted: NDArray[np.bool_]) -> Ints:
    """Micros each impression costs: a thousandth of a CPM price, a click's or a conversion's price when it happens."""
    return np.select([objective == CPC, objective == CPM], [price_micros * clicked, price_micros // 1000], price_micros * converted)


def affordable(ads: Inventory, campaign: Ints, price_micros: Ints, due: Ints, spent: Ints) -> Ints:
    """Prices that the budget still pays for. It looks at what earlier rows cost, never at a row's own outcome, so that a price
    tells nothing of the click it is for. due: what each row would cost; spent: by campaign."""
    before = running(campaign, due) - due + spent[campaign]
    left = np.maximum(ads.budget_micros[campaign] - before, 0)
    return np.asarray(np.minimum(price_micros, np.where(ads.objective[campaign] == CPM, left * 1000, left)))


def running(group: Ints, value: Ints) -> Ints:
    """Cumulative sum of value (≥ 0) within each group, in row order."""
    order = np.argsort(group, kind="stable")
    total = np.cumsum(value[order])
    first = np.r_[True, group[order][1:] != group[order][:-1]] if len(group) else np.empty(0, bool)
    before = np.where(first, total - value[order], 0)
    out = np.empty_like(total)
    out[order] = total - np.maximum.accumulate(before)
    return out
