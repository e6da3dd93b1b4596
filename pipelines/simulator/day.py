"""One day of the market, a function of (config, day) alone, so days can be made in any order and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import SURFACES
from pipelines.simulator import clicks, policy, retrieval
from pipelines.simulator.inventory import FLOOR_MICROS, SLOTS
from pipelines.simulator.memory import LivedDay, Memory
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.requests import Requests, ask
from pipelines.simulator.world import World

DEPTH = max(SLOTS.values())
TRIAL_REQUESTS = 2000


@dataclass(frozen=True)
class Day:
    """What happened, in columns of numbers. Shown ads refer to requests by row and stand in order of request and position."""

    number: int
    requests: Requests
    eligible: Ints  # by request: ads the policy could choose from
    explored: NDArray[np.bool_]  # by request
    rival_micros: Floats  # by request: rivals' best eCPM
    shown_request: Ints
    shown_ad: Ints
    shown_position: Ints
    propensity: Floats
    bid_micros: Ints
    price_micros: Ints
    seen_today: Ints  # impressions of the campaign to the user before, that day
    weariness: Floats  # log-odds that the user's memory took away
    p_click: Floats
    examination: Floats
    clicked: NDArray[np.bool_]
    p_conversion: Floats
    converted: NDArray[np.bool_]
    click_delay: Floats  # seconds after the impression
    conversion_delay: Floats  # seconds after the click
    remembered: Memory  # the next morning


@dataclass
class _Ledger:
    """What the day has shown and cost so far."""

    spent: Ints
    exposures: LivedDay


Shown = dict[str, np.ndarray]


def live_day(world: World, number: int, memory: Memory) -> Day:
    """Runs the day hour by hour, and within an hour each user's requests one after another: caps and weariness are exact, a campaign
    stops as soon as its budget is spent. memory: what people remember that morning."""
    return _run(world, number, asked(world, number), memory)


def asked(world: World, number: int) -> Requests:
    """The day's requests."""
    return ask(world, number, world.config.impressions_per_day / _fill(world))


@lru_cache(maxsize=1)
def _fill(world: World) -> float:
    """Ads shown per request, from a small trial of the first day: turns impressions wanted into requests drawn."""
    trial = _run(world, 0, ask(world, 0, TRIAL_REQUESTS), Memory.empty())
    return max(len(trial.shown_ad) / len(trial.requests), 0.1)


def _run(world: World, number: int, requests: Requests, memory: Memory) -> Day:
    rng = world.config.rng("rivals", number)
    floors = np.array([FLOOR_MICROS[s] for s in SURFACES])[requests.surface]
    rival = floors * world.config.laws.rival_median * np.exp(rng.normal(scale=world.config.laws.rival_sigma, size=len(requests)))
    explored = rng.random(len(requests)) < world.config.explored
    eligible = np.zeros(len(requests), np.int64)
    ledger = _Ledger(np.zeros(len(world.ads.budget_micros), np.int64), LivedDay(memory, world.ads.campaign_advertiser))
    parts: list[Shown] = []
    for hour in range(24):
        low, high = np.searchsorted(requests.second, [hour * 3600, (hour + 1) * 3600])
        rows = np.arange(low, high)
        if len(rows):
            run = _Hour(world, number, hour, requests.rows(rows), floors[rows], rival[rows], explored[rows])
            parts.extend(part | {"request": part["request"] + low} for part in run.waves(ledger, eligible[low:high]))
    both = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    order = np.lexsort((both["position"], both["request"]))
    s = {name: column[order] for name, column in both.items()}
    return Day(
        number, requests, eligible, explored, rival, s["request"], s["ad"], s["position"], s["propensity"], s["bid"],
        s["price"], s["seen"], s["weariness"], s["p_click"], s["examination"], s["clicked"], s["p_conversion"], s["converted"],
        s["click_delay"], s["conversion_delay"], memory.after(ledger.exposures.shown, world.config.laws.kept),
    )  # fmt: skip


class _Hour:
    """An hour's requests with every random number they may need, drawn before any is used."""

    def __init__(
        self, world: World, number: int, hour: int, requests: Requests, floor: Floats, rival: Floats,
        explored: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        laws = world.config.laws
        rng = world.config.rng("hour", number, hour)
        self.world, self.number, self.requests, self.floor, self.rival, self.explored = world, number, requests, floor, rival, explored
        self.live = world.live(number)
        self.cand = retrieval.candidates(world, number, self.live, rng, requests)
        self.allowed = retrieval.allowed(world, self.live, requests, hour, self.cand)
        self.appeal = clicks.appeal(world, number, requests, self.cand)
        self.error = np.exp(rng.normal(scale=laws.policy_noise, size=self.cand.shape))
        self.lot = rng.random(self.cand.shape)
        shape = (len(requests), DEPTH)
        self.click_luck, self.conversion_luck = rng.random(shape), rng.random(shape)
        self.click_wait = rng.exponential(laws.click_seconds, shape) + 0.5
        self.conversion_wait = rng.exponential(3600.0, shape)

    def waves(self, ledger: _Ledger, eligible: Ints) -> Iterator[Shown]:
        """The hour's impressions: everyone's first request, then everyone's second, and so on. Fills in `eligible`."""
        turn = policy.running(self.requests.user, np.ones(len(self.requests), np.int64)) - 1
        for wave in range(int(turn.max()) + 1):
            yield self._show(np.flatnonzero(turn == wave), ledger, eligible)
        ledger.exposures.settle()

    def _show(self, rows: Ints, ledger: _Ledger, eligible: Ints) -> Shown:
        """Allots, prices and settles the requests `rows`, none of them by the same user."""
        world, ads, spent = self.world, self.world.ads, ledger.spent
        cand, floor, asker = self.cand[rows], self.floor[rows], self.requests.user[rows][:, None]
        campaign = ads.creative_campaign[cand]
        cap = ads.frequency_cap[campaign]
        seen = ledger.exposures.seen(asker, campaign)
        weary = clicks.weariness(world, asker, ledger.exposures.worn(asker, campaign))
        p = clicks.sigmoid(self.appeal[rows] - weary)
        views = policy.views_per_bid(ads.objective[campaign], p * self.error[rows])
        bids = self._bids(rows, campaign)
        rate = bids * views
        ok = self.allowed[rows] & (spent < ads.budget_micros)[campaign] & ((cap == 0) | (seen < cap)) & (rate >= floor[:, None])
        eligible[rows] = ok.sum(axis=1)
        slots = np.array([SLOTS[s] for s in SURFACES])[self.requests.surface[rows]]
        slates = policy.allot(rate, ok, self.explored[rows], self.lot[rows], slots, floor, self.rival[rows], world.config.explored, DEPTH)
        at, place = np.nonzero(slates.filled)
        column = slates.order[at, place]
        request, ad, owner = rows[at], cand[at, column], campaign[at, column]
        user, surface = self.requests.user[request], self.requests.surface[request]
        seen_share = clicks.examination(world.config, surface, place + 1)
        p_click = np.where(world.people.bot[user], world.config.laws.bot_click, seen_share * p[at, column])
        p_conversion = clicks.conversion(world, self.number, user, ad)
        clicked = self.click_luck[request, place] < p_click
        converted = clicked & (self.conversion_luck[request, place] < p_conversion)
        bid, kind = bids[at, column], ads.objective[owner]
        asked = policy.price(slates.pays_micros[at, place], views[at, column], bid)
        due = policy.cost(kind, asked, clicked, converted)
        price = policy.affordable(ads, owner, asked, due, spent)
        np.add.at(spent, owner, policy.cost(kind, price, clicked, converted))
        ledger.exposures.add(user, owner)
        return {
            "request": request, "ad": ad, "position": place + 1, "propensity": slates.propensity[at, place], "bid": bid,
            "price": price, "seen": seen[at, column], "weariness": weary[at, column], "p_click": p_click, "examination": seen_share,
            "clicked": clicked, "p_conversion": p_conversion, "converted": converted, "click_delay": self.click_wait[request, place],
            "conversion_delay": self.conversion_wait[request, place] * ads.delay_hours[ad],
        }  # fmt: skip

    def _bids(self, rows: Ints, campaign: Ints) -> Ints:
        """Micros, (n, k): on search what the campaign bids on the request's device."""
        bid, asked = self.live.bid_micros[campaign], self.requests.rows(rows)
        factor = np.where((asked.surface == 0)[:, None], self.world.ads.device_factor[campaign, asked.device[:, None]], 1.0)
        return np.floor(bid * factor).astype(np.int64)
