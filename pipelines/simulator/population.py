"""The people: who they are, what they like, when they are awake. Columns of length n, row = user number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, DEVICES, GENDERS
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.words import LANGUAGES, REGIONS

LATENT = 8
DEVICE_SHARE = (0.62, 0.27, 0.08, 0.03)
"""Of mobile, desktop, tablet, television."""
LATE = 0.25
"""Share of the people who join after the first day."""
SWING_DAYS = (18.0, 70.0)
"""Periods of the swings of people's tastes, the least and the most."""
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """joined: day number each user first appears (0 for those who were always there). Codes index the vocabularies.

    leaning: (n, categories) log-odds of what they like, but for what their latent tastes make of it. latent: (n, LATENT) tastes about
    which they swing: swing_days is the period of each user's, swing_phase (n, LATENT) where it stands on the first day.
    activity: relative rate of being online; peak: hour of day; hue: the colour they like, in [0, 1) around the circle;
    impatience: how soon they tire of an advertiser, times the usual.
    brand: which of a device's two operating systems they use.
    """

    ids: NDArray[np.object_]
    joined: Ints
    age: Ints
    gender: Ints
    region: Ints
    language: Ints
    device: Ints
    brand: Ints
    latent: Floats
    leaning: Floats
    swing_days: Floats
    swing_phase: Floats
    hue: Floats
    impatience: Floats
    activity: Floats
    propensity: Floats
    peak: Floats
    bot: NDArray[np.bool_]
    friends: NDArray[np.int64]  # (edges, 2)


def topic_map(config: MarketConfig) -> Floats:
    """Latent position of each category, (categories, LATENT); row 0 (unknown) is zero."""
    positions = config.rng("topics").normal(size=(len(CATEGORIES), LATENT))
    positions[0] = 0
    return np.asarray(positions / np.sqrt(LATENT))


def populate(config: MarketConfig) -> Population:
    """Draws everyone who will appear within the horizon; a quarter of them join later, some every day."""
    n, rng, laws = config.users, config.rng("users"), config.laws
    joined = spread_starts(rng, rng.random(n) < LATE, config.horizon_days)
    age = rng.choice(np.arange(1, len(AGE_BANDS)), n, p=[0.05, 0.17, 0.24, 0.2, 0.15, 0.11, 0.08])
    gender = rng.choice(len(GENDERS), n, p=[0.08, 0.45, 0.44, 0.03])
    latent = rng.normal(size=(n, LATENT))
    generation = rng.normal(scale=0.4, size=(len(AGE_BANDS), len(CATEGORIES)))
    leaning = rng.normal(scale=0.25, size=(len(GENDERS), len(CATEGORIES)))
    own = rng.normal(scale=0.6, size=(n, len(CATEGORIES))) + generation[age] + leaning[gender]
    swings = config.rng("swings")
    region = rng.choice(len(REGIONS), n, p=zipf(len(REGIONS), 0.8))
    home_language = np.arange(len(REGIONS)) % len(LANGUAGES)
    bot = rng.random(n) < laws.bot_share
    activity = rng.pareto(1.6, n) + 0.05
    return Population(
        ids=np.array([f"u{i:07d}" for i in range(n)], dtype=object),
        joined=joined,
        age=age,
        gender=gender,
        region=region,
        language=np.where(rng.random(n) < 0.8, home_language[region], rng.integers(0, len(LANGUAGES), n)),
        device=rng.choice(np.arange(1, len(DEVICES)), n, p=DEVICE_SHARE),
        brand=(rng.random(n) < 0.4).astype(np.int64),
        latent=latent,
        leaning=own,
        swing_days=swings.uniform(*SWING_DAYS, n),
        swing_phase=swings.uniform(0, 2 * np.pi, (n, LATENT)),
        hue=swings.random(n),
        impatience=np.exp(swings.normal(scale=laws.impatience, size=n)),
        activity=np.minimum(np.where(bot, activity + 4, activity), 60.0),
        propensity=rng.normal(scale=laws.propensity, size=n),
        peak=rng.normal(19.5, 2.5, n) % 24,
        bot=bot,
        friends=_friends(rng, region, latent),
    )


def spread_starts(rng: np.random.Generator, late: NDArray[np.bool_], horizon: int) -> Ints:
    """Day numbers: 0 for the early, and for the late ones days 1..horizon-1 evenly: none is without when they suffice."""
    start = np.zeros(len(late), np.int64)
    order = rng.permutation(np.flatnonzero(late))
    if horizon > 1:
        start[order] = 1 + np.arange(len(order)) * (horizon - 1) // max(len(order), 1)
    return start


def zipf(n: int, power: float) -> Floats:
    weights = np.arange(1, n + 1, dtype=np.float64) ** -power
    return np.asarray(weights / weights.sum())


def _friends(rng: np.random.Generator, region: Ints, latent: Floats) -> NDArray[np.int64]:
    """Symmetric edges between people of like taste in one region: neighbours on a line sorted by region, then taste."""
    order = np.lexsort((latent[:, 0] + rng.normal(scale=0.3, size=len(region)), region))
    hops = rng.integers(1, 6, size=(len(region), 2))
    edges = np.concatenate([np.stack([order[:-5], order[np.arange(len(order) - 5) + hops[:-5, j]]], axis=1) for j in range(2)])
    return np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
