"""The truth's laws: how likely an ad is looked at, clicked and bought from. They know nothing of how a feature is computed."""

from __future__ import annotations

import numpy as np

from feature_repo.taxonomy import CATEGORIES
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.memory import Worn
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.queries import INFORMATIONAL
from pipelines.simulator.requests import Requests
from pipelines.simulator.words import LEISURE
from pipelines.simulator.world import World

GOLDEN_ANGLE = 2.399
"""Spreads the phases of the categories' waves."""
EVENING_HOURS = 2.0
"""Standard deviation of the bell of hours about a user's peak."""
ON_SEARCH = 1 / 3
"""Of what a picture adds: a search's ads are read rather than looked at."""


def examination(config: MarketConfig, surface: Ints, position: Ints) -> Floats:
    """P(looked at | surface, position): position ** -decay; 1 at the first."""
    return np.asarray(np.asarray(position, np.float64) ** -np.array(config.laws.decay)[surface])


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def appeal(world: World, number: int, requests: Requests, ad: Ints) -> Floats:
    """Log-odds of a click given that the ad is looked at, for a person who remembers none. ad: (n, k) for n requests; so is the result."""
    people, ads, laws, tastes = world.people, world.ads, world.config.laws, world.tastes(number)
    user, surface = requests.user[:, None], requests.surface[:, None]
    category = ads.category[ad]
    gap = np.abs((requests.second / 3600 - people.peak[requests.user] + 12) % 24 - 12)
    moment = (
        np.array(laws.base)[requests.surface]
        + people.propensity[requests.user]
        + laws.age * people.age[requests.user]
        + np.array(laws.device)[requests.device]
        + laws.evening * np.exp(-0.5 * (gap / EVENING_HOURS) ** 2)
    )
    aimed = np.asarray(np.any(~ads.in_region, axis=1))
    leisure = np.array([c in LEISURE for c in CATEGORIES])
    free = laws.weekend if (world.config.first.weekday() + number) % 7 >= 5 else 0.0
    mood = laws.trend * np.sin(2 * np.pi * number / 28 + np.arange(len(CATEGORIES)) * GOLDEN_ANGLE)
    mood = mood + free * leisure
    of_ad = ads.quality + mood[ads.category] + laws.local * aimed[ads.creative_campaign]
    film = laws.video * ~np.isnan(ads.video_seconds)
    return np.asarray(
        moment[:, None]
        + of_ad[ad]
        + film[ad] * (surface > 0)
        + looked(world, requests, ad)
        + laws.interest * tastes.interest[user, category]
        + laws.taste * np.einsum("nk,njk->nj", tastes.latent[requests.user], ads.latent[ad])
        + laws.language * (people.language[user] == ads.language[ad])
        + laws.page * world.likeness[requests.page[:, None], category]
        + wanted(world, requests, ad)
    )


def looked(world: World, requests: Requests, ad: Ints) -> Floats:
    """What each ad's picture adds to the log-odds of a click, (n, k): its looks, and off search whether its hue is the user's favourite."""
    looks, social = world.ads.looks, (requests.surface > 0)[:, None]
    near = np.cos(2 * np.pi * (looks.hue[ad] - world.people.hue[requests.user][:, None]))
    hue = world.config.laws.hue * near * world.config.images
    return np.asarray(np.where(social, looks.adds[ad] + hue, ON_SEARCH * looks.adds[ad]))


def answers(world: World, requests: Requests, ad: Ints) -> Floats:
    """How well each ad answers its request's query, (n, k) in [0, 1]; 0 off search.

    The product asked for 1, another of its category 0.4. Where a brand is looked for: its own ads 1, or 0.7 for another product
    than the one named; others' a third of what they would be worth.
    """
    ads = world.ads
    topic, product, brand = (column[:, None] for column in (requests.topic, requests.product, requests.brand))
    alike = (topic > 0) & (ads.category[ad] == topic)
    same = alike & (ads.product[ad] == product)
    own = ads.campaign_advertiser[ads.creative_campaign[ad]] == brand
    named = np.where(same, 1.0, np.where(alike, 0.4, 0.0))
    return np.where(brand < 0, named, np.where(own, np.where(same | (product < 0), 1.0, 0.7), 0.3 * named))


def wanted(world: World, requests: Requests, ad: Ints) -> Floats:
    """What the query adds to the log-odds of a click, (n, k): its intent, the ad's relevance, and how much it informs; 0 off search."""
    laws, intent = world.config.laws, requests.intent
    aim = np.where(intent >= 0, np.array(laws.intent)[intent], 0.0)[:, None]
    informs = laws.informative * world.ads.informs[ad] * (intent == INFORMATIONAL)[:, None]
    return np.asarray(laws.relevance * answers(world, requests, ad) + aim + informs)


def weariness(world: World, user: Ints, worn: Worn) -> Floats:
    """Log-odds that a user's memory of an ad's campaign and advertiser takes away; shape of `worn`, to which user broadcasts."""
    laws = world.config.laws
    of_campaign = laws.wear * -np.expm1(-worn.campaign / laws.wear_after)
    return np.asarray(of_campaign + world.people.impatience[user] * laws.tire * worn.advertiser / (worn.advertiser + laws.tire_half))


def conversion(world: World, number: int, user: Ints, ad: Ints) -> Floats:
    """P(conversion | click) on a day, one number a pair; 0 for a bot. A poor landing page loses people whom the ad has won."""
    ads, laws = world.ads, world.config.laws
    interest = world.tastes(number).interest[user, ads.category[ad]]
    lift = laws.conversion_base + ads.conversion[ad] + laws.conversion_interest * interest + laws.conversion_page * ads.page[ad]
    return np.where(world.people.bot[user], 0.0, sigmoid(lift))
