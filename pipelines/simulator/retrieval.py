"""Which ads the logging policy looks at for a request, and which of them may be shown at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.simulator.inventory import PRODUCTS, Supply
from pipelines.simulator.population import Ints
from pipelines.simulator.queries import HOLDS_REFUSED
from pipelines.simulator.requests import Requests, draw_topic
from pipelines.simulator.world import World

MINOR = 1
"""The age band of under-18s, who are not shown limited ads."""
ON_TOPIC = 0.75
"""Share of a search's candidates that are about its topic; of the others' candidates half are about the user's interests."""
NAMED = 0.3
"""Share of a search's candidates that are about the very product or brand it names."""


def candidates(world: World, number: int, live: Supply, rng: np.random.Generator, requests: Requests) -> Ints:
    """Creatives each request considers, (n, config.candidates): some by topic, the rest by popularity."""
    ads, n, k = world.ads, len(requests), world.config.candidates
    servable = live.servable
    cand = rng.choice(servable, (n, k), p=ads.popularity[servable] / ads.popularity[servable].sum())
    topical = round(k * ON_TOPIC)
    wanted = np.zeros((n, topical), np.int64)
    wanted[:, : k // 2] = np.stack([draw_topic(world, number, rng, requests.user) for _ in range(k // 2)], axis=1)
    wanted = np.where((requests.topic > 0)[:, None], requests.topic[:, None], wanted)
    cand[:, :topical] = _among(rng, servable, ads.category[servable], wanted, cand[:, :topical])
    named = round(k * NAMED)
    for mine, sought in (
        (ads.category[servable] * PRODUCTS + ads.product[servable], np.where(requests.product >= 0, product_of(requests), -1)),
        (ads.campaign_advertiser[ads.creative_campaign[servable]], requests.brand),
    ):
        cand[:, :named] = _among(rng, servable, mine, np.repeat(sought[:, None], named, axis=1), cand[:, :named])
    return cand


def product_of(requests: Requests) -> Ints:
    """One number for each product of each category."""
    return np.asarray(requests.topic * PRODUCTS + requests.product)


def _among(rng: np.random.Generator, servable: Ints, key: Ints, wanted: Ints, otherwise: Ints) -> Ints:
    """For each wanted key one of the servable ads that have it, by chance; `otherwise` where none has, or for a key below 0."""
    order = np.argsort(key, kind="stable")
    first, last = (np.searchsorted(key[order], wanted, side=side) for side in ("left", "right"))
    pick = first + (rng.random(wanted.shape) * (last - first)).astype(np.int64)
    return np.where((wanted >= 0) & (last > first), servable[order[np.minimum(pick, len(order) - 1)]], otherwise)


def allowed(world: World, live: Supply, requests: Requests, hour: int, cand: Ints) -> NDArray[np.bool_]:
    """Targeting, negative keywords, hours of day and policy, (n, k); of a campaign's candidates in a request only the first stays."""
    ads, people = world.ads, world.people
    campaign = ads.creative_campaign[cand]
    user, group = requests.user, ads.creative_group[cand]
    about = (requests.product >= 0)[:, None] & (requests.topic[:, None] == ads.category[cand])
    refused = about & (ads.group_refused[group] == requests.product[:, None])
    refused |= (requests.form >= 0)[:, None] & (ads.refused[campaign] >= 0) & HOLDS_REFUSED[ads.refused[campaign], requests.form[:, None]]
    ok = (
        ~refused
        & ads.on_surface[campaign, requests.surface[:, None]]
        & ads.in_region[campaign, people.region[user][:, None]]
        & ads.in_language[campaign, people.language[user][:, None]]
        & ads.on_device[campaign, requests.device[:, None]]
        & ads.of_age[campaign, people.age[user][:, None]]
        & ads.of_gender[campaign, people.gender[user][:, None]]
        & ads.hours[campaign, hour]
        & ~((live.policy[cand] == 1) & (people.age[user] == MINOR)[:, None])
    )
    order = np.argsort(campaign, axis=1, kind="stable")
    ranked = np.take_along_axis(campaign, order, axis=1)
    repeat = np.zeros_like(ok)
    np.put_along_axis(repeat, order[:, 1:], ranked[:, 1:] == ranked[:, :-1], axis=1)
    return np.asarray(ok & ~repeat)
