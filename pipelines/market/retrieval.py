"""Which ads the logging policy looks at for a request, and which of them may be shown at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import CATEGORIES
from pipelines.market.inventory import Live
from pipelines.market.population import Ints
from pipelines.market.requests import Requests, draw_topic
from pipelines.market.world import World

MINOR = 1
"""The age band of under-18s, who are not shown limited ads."""
ON_TOPIC = 0.75
"""Share of a search's candidates that are about its query; of the others' candidates half are about the user's interests."""


def candidates(world: World, live: Live, rng: np.random.Generator, requests: Requests) -> Ints:
    """Creatives each request considers, (n, config.candidates): some by topic, the rest by popularity."""
    ads, n, k = world.ads, len(requests), world.config.candidates
    servable = live.servable
    cand = rng.choice(servable, (n, k), p=ads.popularity[servable] / ads.popularity[servable].sum())
    by_topic = servable[np.argsort(ads.category[servable], kind="stable")]
    starts = np.searchsorted(ads.category[by_topic], np.arange(len(CATEGORIES) + 1))
    size = np.diff(starts)
    topical = round(k * ON_TOPIC)
    liked = np.stack([draw_topic(world, rng, requests.user) for _ in range(k // 2)], axis=1)
    wanted = np.zeros((n, topical), np.int64)
    wanted[:, : k // 2] = liked
    wanted = np.where((requests.topic > 0)[:, None], requests.topic[:, None], wanted)
    pick = starts[wanted] + (rng.random(wanted.shape) * size[wanted]).astype(np.int64)
    found = (wanted > 0) & (size[wanted] > 0)
    cand[:, :topical] = np.where(found, by_topic[pick.clip(0, len(by_topic) - 1)], cand[:, :topical])
    return cand


def allowed(world: World, live: Live, requests: Requests, hour: int, cand: Ints) -> NDArray[np.bool_]:
    """Targeting, hours of day and policy, (n, k); of a campaign's candidates in a request only the first stays."""
    ads, people = world.ads, world.people
    campaign = ads.creative_campaign[cand]
    user = requests.user
    ok = (
        ads.on_surface[campaign, requests.surface[:, None]]
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
