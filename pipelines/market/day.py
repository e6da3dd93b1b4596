"""One day of the market, a function of (config, day) alone, so days can be made in any order and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import CATEGORIES, SURFACES
from pipelines.market.config import MarketConfig
from pipelines.market.inventory import FLOOR_MICROS, SLOTS, Inventory, stock
from pipelines.market.population import Floats, Ints, Population, populate
from pipelines.market.words import LEISURE

SURFACE_SHARE = (0.3, 0.45, 0.25)
FILL = 2.0
"""Ads shown per request on average; turns impressions wanted into requests drawn."""


@dataclass(frozen=True)
class World:
    """The market's config with everything drawn from it once."""

    config: MarketConfig
    people: Population
    ads: Inventory

    @classmethod
    def of(cls, config: MarketConfig) -> World:
        return cls(config, populate(config), stock(config))


@dataclass(frozen=True)
class Day:
    """What happened, in columns of numbers; `second` counts from the day's start. Shown ads refer to requests by row.

    explored_n: eligible candidates of the request (the denominator of uniform exploration).
    """

    number: int
    request_user: Ints
    request_second: Floats
    request_surface: Ints
    request_topic: Ints  # category the query is about; 0 on other surfaces
    request_candidates: Ints
    request_explored: NDArray[np.bool_]
    shown_request: Ints
    shown_ad: Ints
    shown_position: Ints
    propensity: Floats
    bid_micros: Ints
    price_micros: Ints
    rival_micros: Ints
    seen_today: Ints
    p_click: Floats
    examination: Floats
    clicked: NDArray[np.bool_]
    p_conversion: Floats
    converted: NDArray[np.bool_]
    click_delay: Floats  # seconds
    conversion_delay: Floats  # seconds after the click


def relevance(
    world: World, number: int, user: Ints, ad: Ints, surface: Ints, second: Floats, topic: Ints, seen: Ints
) -> Floats:
    """P(click | examined) of the truth; arrays broadcast together."""
    people, ads, laws = world.people, world.ads, world.config.laws
    category = ads.category[ad]
    hour = second / 3600
    gap = np.abs((hour - people.peak[user] + 12) % 24 - 12)
    weekday = (world.config.first.weekday() + number) % 7
    leisure = np.array([c in LEISURE for c in CATEGORIES])
    phase = np.arange(len(CATEGORIES)) * 2.399  # the golden angle spreads the waves
    wave = np.sin(2 * np.pi * number / 28 + phase)
    logit = (
        np.array(laws.base)[surface]
        + laws.interest * 0.6 * people.interest[user, category]
        + laws.taste * np.einsum("...k,...k->...", people.latent[user], ads.latent[ad])
        + ads.quality[ad]
        + people.propensity[user]
        + laws.language * (people.language[user] == ads.language[ad])
        + laws.evening * (gap < 2.5)
        + laws.weekend * (leisure[category] if weekday >= 5 else 0)
        + laws.query_match * ((topic == category) & (topic > 0))
        + laws.trend * 0.5 * wave[category]
        - laws.fatigue * np.log1p(seen)
    )
    return np.asarray(1 / (1 + np.exp(-logit)))


def examination(config: MarketConfig, surface: Ints, position: Ints) -> Floats:
    """P(looked at | surface, position): position ** -decay."""
    return np.asarray(position.astype(np.float64) ** -np.array(config.laws.decay)[surface])


def _requests(world: World, number: int) -> tuple[Ints, Floats, Ints, Ints]:
    """Who asks, when (ascending), where, about what."""
    config, people = world.config, world.people
    rng = config.rng("requests", number)
    n = round(config.impressions_per_day / FILL)
    here = np.flatnonzero(people.joined <= number)
    user = rng.choice(here, n, p=people.activity[here] / people.activity[here].sum())
    newcomers = np.flatnonzero(people.joined == number)
    user[: len(newcomers)] = newcomers[:n]  # everyone who joins shows up that day
    hour = np.where(rng.random(n) < 0.75, rng.normal(people.peak[user], 3.0) % 24, rng.uniform(0, 24, n))
    second = np.minimum(hour * 3600, 86_399.0)
    surface = rng.choice(len(SURFACES), n, p=SURFACE_SHARE)
    cumulative = np.cumsum(people.interest_share[user], axis=1)
    topic = (cumulative < rng.random((n, 1))).sum(axis=1).clip(1, len(CATEGORIES) - 1)
    order = np.argsort(second, kind="stable")
    return user[order], second[order], surface[order], np.where(surface == 0, topic, 0)[order]


def _draw_candidates(world: World, number: int, rng: np.random.Generator, user: Ints, topic: Ints) -> Ints:
    """Ads each request considers, (n, candidates): half by popularity, half about the query or the user's interests."""
    ads, config = world.ads, world.config
    live = np.flatnonzero(ads.live_from <= number)
    n, k = len(user), config.candidates
    popular = rng.choice(live, (n, k), p=ads.popularity[live] / ads.popularity[live].sum())
    by_category = live[np.argsort(ads.category[live], kind="stable")]
    starts = np.searchsorted(ads.category[by_category], np.arange(len(CATEGORIES) + 1))
    size = np.diff(starts)
    share = np.cumsum(world.people.interest_share[user], axis=1)
    liked = np.stack([(share < rng.random((n, 1))).sum(axis=1) for _ in range(k // 2)], axis=1).clip(1, len(CATEGORIES) - 1)
    wanted = np.where((topic > 0)[:, None], topic[:, None], liked)
    pick = starts[wanted] + (rng.random(wanted.shape) * size[wanted]).astype(np.int64)
    popular[:, : k // 2] = np.where(size[wanted] > 0, by_category[pick.clip(0, len(live) - 1)], popular[:, : k // 2])
    return popular


def _eligible(world: World, candidates: Ints, user: Ints, surface: Ints, hour: Ints, spent: Ints) -> NDArray[np.bool_]:
    """Targeting, schedule, budget left, policy, and each ad at most once a request."""
    ads, people = world.ads, world.people
    campaign = ads.creative_campaign[candidates]
    ok = (
        ads.on_surface[campaign, surface[:, None]]
        & ads.in_region[campaign, people.region[user][:, None]]
        & ads.in_language[campaign, people.language[user][:, None]]
        & ads.hours[campaign, hour[:, None]]
        & (spent < ads.budget_micros)[campaign]
        & ~(ads.limited[candidates] & (people.age[user] == 1)[:, None])
    )
    order = np.argsort(candidates, axis=1, kind="stable")
    ranked = np.take_along_axis(candidates, order, axis=1)
    repeat = np.zeros_like(ok)
    np.put_along_axis(repeat, order[:, 1:], ranked[:, 1:] == ranked[:, :-1], axis=1)
    return np.asarray(ok & ~repeat)


def _seen(keys: Ints, wanted: Ints) -> Ints:
    """How often each wanted (user, campaign) key stands in the sorted keys."""
    return np.searchsorted(keys, wanted, side="right") - np.searchsorted(keys, wanted, side="left")


def live_day(world: World, number: int) -> Day:
    """Runs the day hour by hour: budgets, caps and fatigue follow what was shown before."""
    config, ads, laws = world.config, world.ads, world.config.laws
    user, second, surface, topic = _requests(world, number)
    campaigns = len(ads.budget_micros)
    spent = np.zeros(campaigns, np.int64)
    keys = np.empty(0, np.int64)
    floors = np.array([FLOOR_MICROS[s] for s in SURFACES])
    slots = np.array([SLOTS[s] for s in SURFACES])
    parts: list[dict[str, np.ndarray]] = []
    eligible_count = np.zeros(len(user), np.int64)
    explored_request = np.zeros(len(user), bool)
    for hour in range(24):
        lo, hi = np.searchsorted(second, [hour * 3600, (hour + 1) * 3600])
        if lo == hi:
            continue
        rng = config.rng("hour", number, hour)
        rows = np.arange(lo, hi)
        u, s, t, sec = user[rows], surface[rows], topic[rows], second[rows]
        cand = _draw_candidates(world, number, rng, u, t)
        ok = _eligible(world, cand, u, s, np.full(len(u), hour), spent)
        camp = ads.creative_campaign[cand]
        key = u[:, None] * campaigns + camp
        seen = _seen(keys, key)
        cap = ads.frequency_cap[camp]
        ok &= (cap == 0) | (seen < cap)
        n_ok = ok.sum(axis=1)
        p = relevance(world, number, u[:, None], cand, s[:, None], sec[:, None], t[:, None], seen)
        guess = p * np.exp(rng.normal(scale=laws.policy_noise, size=p.shape))
        rate = _ecpm(ads, cand, guess)
        score = np.where(ok, rate, -np.inf)
        explore = rng.random(len(u)) < config.explored
        shuffle = np.where(ok, rng.random(p.shape), -np.inf)
        best = np.argsort(-score, axis=1, kind="stable")
        order = np.where(explore[:, None], np.argsort(-shuffle, axis=1, kind="stable"), best)
        rival = floors[s] * np.exp(rng.normal(1.0, laws.rival_sigma, len(u)))
        depth = int(slots.max())
        position = np.arange(depth)[None, :]
        chosen = np.take_along_axis(cand, order[:, :depth], axis=1)
        chosen_rate = np.take_along_axis(score, order[:, :depth], axis=1)
        below = np.take_along_axis(score, order[:, 1 : depth + 1], axis=1)
        least = np.maximum(np.where(np.isfinite(below), below, 0), floors[s][:, None])
        filled = (position < slots[s][:, None]) & (position < n_ok[:, None])
        filled &= explore[:, None] | (chosen_rate >= np.maximum(rival, floors[s])[:, None])
        request, rank = np.nonzero(filled)
        ad = chosen[request, rank]
        shown_guess = np.take_along_axis(guess, order[:, :depth], axis=1)[request, rank]
        is_best = best[request, rank] == order[request, rank]
        pace = np.maximum(n_ok[request], 1)
        propensity = (1 - config.explored) * is_best + config.explored / pace
        # Under exploration an ad outside the policy's own fill could only have come from the random slice.
        policy_fills = (
            np.take_along_axis(score, best[:, :depth], axis=1)[request, rank] >= np.maximum(rival, floors[s])[request]
        )
        propensity = np.where(is_best & policy_fills, propensity, config.explored / pace)
        pays = np.where(explore[request], floors[s[request]], np.maximum(least[request, rank], rival[request]))
        parts.append(
            _settle(world, rng, rows[request], u[request], s[request], ad, rank + 1, shown_guess, pays)
            | {
                "propensity": propensity,
                "rival": rival[request].astype(np.int64),
                "seen": np.take_along_axis(seen, order[:, :depth], axis=1)[request, rank],
                "relevance": np.take_along_axis(p, order[:, :depth], axis=1)[request, rank],
            }
        )
        part = parts[-1]
        part |= _outcomes(world, rng, u[request], s[request], ad, rank + 1, part["relevance"])
        part["price"] = np.where(_within_budget(ads, ad, part, spent), part["price"], 0)
        keep = _within_cap(ads, key[request, order[request, rank]], part["seen"], ads.creative_campaign[ad])
        for name in part:
            part[name] = part[name][keep]
        np.add.at(spent, ads.creative_campaign[part["ad"]], _due(ads, part))
        keys = np.sort(np.concatenate([keys, user[part["request"]] * campaigns + ads.creative_campaign[part["ad"]]]))
        eligible_count[rows], explored_request[rows] = n_ok, explore
    both = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return Day(
        number, user, second, surface, topic, eligible_count, explored_request,
        both["request"], both["ad"], both["position"], both["propensity"],
        both["bid"], both["price"], both["rival"], both["seen"],
        both["p_click"], both["examination"], both["clicked"], both["p_conversion"], both["converted"],
        both["click_delay"], both["conversion_delay"],
    )  # fmt: skip


def _ecpm(ads: Inventory, ad: Ints, p_click: Floats) -> Floats:
    """Expected revenue per thousand impressions, micros, by objective (cpc, cpm, cpa at a 5 % conversion rate)."""
    campaign = ads.creative_campaign[ad]
    bid, kind = ads.bid_micros[campaign].astype(np.float64), ads.objective[campaign]
    return np.select([kind == 0, kind == 1], [bid * p_click * 1000, bid], bid * p_click * 0.05 * 1000)


def _settle(
    world: World, rng: np.random.Generator, request: Ints, user: Ints, surface: Ints, ad: Ints, position: Ints,
    p_click: Floats, pays: Floats,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Prices: the least eCPM that keeps the place, turned into the objective's unit, never over the bid."""
    ads = world.ads
    campaign = ads.creative_campaign[ad]
    kind, bid = ads.objective[campaign], ads.bid_micros[campaign]
    unit = np.select([kind == 0, kind == 1], [p_click * 1000, np.ones(len(ad))], p_click * 0.05 * 1000)
    price = np.minimum(np.ceil(pays / unit), bid).astype(np.int64)
    return {"request": request, "ad": ad, "position": position, "bid": bid, "price": price}


def _outcomes(
    world: World, rng: np.random.Generator, user: Ints, surface: Ints, ad: Ints, position: Ints, p: Floats
) -> dict[str, np.ndarray]:
    """Draws clicks and conversions from the truth."""
    people, ads, laws = world.people, world.ads, world.config.laws
    exam = examination(world.config, surface, position)
    bot = people.bot[user]
    p_click = np.where(bot, laws.bot_click, exam * p)
    lift = laws.conversion_base + ads.conversion[ad] + 0.5 * people.interest[user, ads.category[ad]]
    p_conversion = np.where(bot, 0.0, 1 / (1 + np.exp(-lift)))
    clicked = rng.random(len(ad)) < p_click
    return {
        "p_click": p_click,
        "examination": exam,
        "clicked": clicked,
        "p_conversion": p_conversion,
        "converted": clicked & (rng.random(len(ad)) < p_conversion),
        "click_delay": rng.exponential(8.0, len(ad)) + 0.5,
        "conversion_delay": rng.exponential(ads.delay_hours[ad] * 3600),
    }


def _due(ads: Inventory, part: dict[str, np.ndarray]) -> Ints:
    """Micros each impression costs: a thousandth of a CPM price, a click's or a conversion's price when it happened."""
    kind = ads.objective[ads.creative_campaign[part["ad"]]]
    return np.asarray(
        np.select(
            [kind == 0, kind == 1], [part["price"] * part["clicked"], part["price"] // 1000], part["price"] * part["converted"]
        )
    )


def _running(group: Ints, value: Ints) -> Ints:
    """Cumulative sum of value within each group, in row order."""
    order = np.argsort(group, kind="stable")
    total = np.cumsum(value[order])
    first = np.r_[True, group[order][1:] != group[order][:-1]]
    before = np.where(first, total - value[order], 0)
    out = np.empty_like(total)
    out[order] = total - np.maximum.accumulate(before)
    return out


def _within_budget(ads: Inventory, ad: Ints, part: dict[str, np.ndarray], spent: Ints) -> NDArray[np.bool_]:
    """Whether the day's budget still pays for this impression; what it cannot pay is given away, so outcomes select nothing."""
    campaign = ads.creative_campaign[ad]
    return np.asarray(_running(campaign, _due(ads, part)) + spent[campaign] <= ads.budget_micros[campaign])


def _within_cap(ads: Inventory, key: Ints, seen: Ints, campaign: Ints) -> NDArray[np.bool_]:
    cap = ads.frequency_cap[campaign]
    return np.asarray((cap == 0) | (seen + _running(key, np.ones(len(key), np.int64)) <= cap))
