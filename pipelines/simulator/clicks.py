"""The truth's laws: how likely an ad is looked at, clicked and bought from."""

from __future__ import annotations

import numpy as np

from feature_repo.taxonomy import CATEGORIES, INFORMATIVE_CALLS
from feature_repo.text import normalise
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.queries import INFORMATIONAL
from pipelines.simulator.requests import Requests
from pipelines.simulator.words import CALLS, LEISURE
from pipelines.simulator.world import World

GOLDEN_ANGLE = 2.399
"""Spreads the phases of the categories' waves."""
INFORMS = np.array([normalise(call) in INFORMATIVE_CALLS for call in CALLS])
"""By words.CALLS: the ad informs rather than sells."""


def examination(config: MarketConfig, surface: Ints, position: Ints) -> Floats:
    """P(looked at | surface, position): position ** -decay; 1 at the first."""
    return np.asarray(np.asarray(position, np.float64) ** -np.array(config.laws.decay)[surface])


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def appeal(world: World, number: int, requests: Requests, ad: Ints) -> Floats:
    """Log-odds of a click given that the ad is looked at, before fatigue. ad: (n, k) for n requests; so is the result."""
    people, ads, laws = world.people, world.ads, world.config.laws
    user, surface = requests.user[:, None], requests.surface[:, None]
    category = ads.category[ad]
    gap = np.abs((requests.second / 3600 - people.peak[requests.user] + 12) % 24 - 12)
    moment = (
        np.array(laws.base)[requests.surface]
        + people.propensity[requests.user]
        + laws.age * people.age[requests.user]
        + np.array(laws.device)[requests.device]
        + laws.evening * (gap < 2.5)
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
        + laws.interest * people.interest[user, category]
        + laws.taste * np.einsum("nk,njk->nj", people.latent[requests.user], ads.latent[ad])
        + laws.language * (people.language[user] == ads.language[ad])
        + wanted(world, requests, ad)
    )


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
    """What the query adds to the log-odds of a click, (n, k): its intent, the ad's relevance, and whether it informs; 0 off search."""
    laws, intent = world.config.laws, requests.intent
    informs = np.where(INFORMS[world.ads.call[ad]], laws.informative, -laws.informative)
    aim = np.where(intent >= 0, np.array(laws.intent)[intent], 0.0)[:, None]
    return np.asarray(laws.relevance * answers(world, requests, ad) + aim + informs * (intent == INFORMATIONAL)[:, None])


def relevance(world: World, appealing: Floats, seen: Ints) -> Floats:
    """P(click | looked at): the appeal less the fatigue of having seen the campaign `seen` times that day."""
    return sigmoid(appealing - world.config.laws.fatigue * np.log1p(seen))


def conversion(world: World, user: Ints, ad: Ints) -> Floats:
    """P(conversion | click), one number a pair; 0 for a bot."""
    people, ads, laws = world.people, world.ads, world.config.laws
    lift = laws.conversion_base + ads.conversion[ad] + laws.conversion_interest * people.interest[user, ads.category[ad]]
    return np.where(people.bot[user], 0.0, sigmoid(lift))
