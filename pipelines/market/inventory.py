"""The supply of ads: advertisers → campaigns → ad groups → creatives, keywords, landing pages; placements and organic items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import CATEGORIES, OBJECTIVES, SURFACES
from pipelines.market.config import MarketConfig
from pipelines.market.population import LATENT, Floats, Ints, topic_map, zipf
from pipelines.market.words import LANGUAGES, REGIONS

SLOTS = {"search": 4, "feed": 3, "proactive": 2}
FLOOR_MICROS = {"search": 4_000_000, "feed": 1_500_000, "proactive": 2_000_000}
"""Least eCPM by surface: micros per thousand impressions."""


@dataclass(frozen=True)
class Inventory:
    """Columns per level; codes index the vocabularies, `*_of` the level above. live_from: day number a creative appears.

    Targeting is a mask per campaign and vocabulary word: all True means everyone. hours: (campaigns, 24).
    """

    advertiser_category: Ints
    campaign_advertiser: Ints
    objective: Ints
    bid_micros: Ints
    budget_micros: Ints
    frequency_cap: Ints
    on_surface: NDArray[np.bool_]
    in_region: NDArray[np.bool_]
    in_language: NDArray[np.bool_]
    hours: NDArray[np.bool_]
    group_campaign: Ints
    creative_group: Ints
    creative_campaign: Ints
    live_from: Ints
    category: Ints
    language: Ints
    latent: Floats
    quality: Floats
    conversion: Floats
    delay_hours: Floats
    popularity: Floats
    video_seconds: Floats  # nan: no video
    limited: NDArray[np.bool_]

    @property
    def campaign_start(self) -> Ints:
        """Day number each campaign starts: with its first creative."""
        start = np.full(len(self.campaign_advertiser), 10**6)
        np.minimum.at(start, self.creative_campaign, self.live_from)
        return start


def stock(config: MarketConfig) -> Inventory:
    """Draws every ad of the horizon; a third of the campaigns start later, some every day."""
    rng, laws, n = config.rng("ads"), config.laws, config.creatives
    advertisers = max(n // 20, 10)
    campaigns, groups = max(n // 8, 20), max(n // 4, 30)
    categories = 1 + rng.choice(len(CATEGORIES) - 1, advertisers, p=zipf(len(CATEGORIES) - 1, 0.4))
    campaign_advertiser = np.sort(rng.choice(advertisers, campaigns, p=zipf(advertisers, 0.7)))
    group_campaign = np.sort(np.concatenate([np.arange(campaigns), rng.integers(0, campaigns, groups - campaigns)]))
    creative_group = np.sort(np.concatenate([np.arange(groups), rng.integers(0, groups, n - groups)]))
    creative_campaign = group_campaign[creative_group]
    start = np.where(rng.random(campaigns) < 0.33, rng.integers(1, max(config.horizon_days, 2), campaigns), 0)
    category = np.where(
        rng.random(n) < 0.9, categories[campaign_advertiser[creative_campaign]], rng.integers(1, len(CATEGORIES), n)
    )
    quality = rng.normal(scale=laws.quality * 0.7, size=campaigns)[creative_campaign] + rng.normal(
        scale=laws.quality * 0.7, size=n
    )
    objective = rng.choice(len(OBJECTIVES), campaigns, p=[0.6, 0.25, 0.15])
    per_click = np.exp(rng.normal(np.log(350_000), 0.5, campaigns))
    scale = np.array([1.0, 12.0, 14.0])[objective]  # cpm bids per thousand, cpa bids per conversion
    budget = np.exp(rng.normal(np.log(6e5 * config.impressions_per_day / campaigns / 20), 1.0, campaigns)) + 2e6
    return Inventory(
        advertiser_category=categories,
        campaign_advertiser=campaign_advertiser,
        objective=objective,
        bid_micros=(np.round(per_click * scale / 1000) * 1000).astype(np.int64),
        budget_micros=(np.round(budget / 1000) * 1000).astype(np.int64),
        frequency_cap=rng.choice([0, 3, 5, 10], campaigns, p=[0.4, 0.2, 0.2, 0.2]),
        on_surface=_mask(rng, campaigns, len(SURFACES), 0.5),
        in_region=_mask(rng, campaigns, len(REGIONS), 0.3),
        in_language=_mask(rng, campaigns, len(LANGUAGES), 0.2),
        hours=_dayparts(rng, campaigns),
        group_campaign=group_campaign,
        creative_group=creative_group,
        creative_campaign=creative_campaign,
        live_from=start[creative_campaign] + np.where(rng.random(n) < 0.2, rng.geometric(0.15, n), 0),
        category=category,
        language=rng.choice(len(LANGUAGES), n, p=zipf(len(LANGUAGES), 0.5)),
        latent=topic_map(config)[category] + rng.normal(scale=0.8, size=(n, LATENT)) / np.sqrt(LATENT),
        quality=quality,
        conversion=rng.normal(scale=laws.conversion_quality, size=campaigns)[creative_campaign],
        delay_hours=(laws.delay_hours * np.exp(rng.normal(scale=0.4, size=campaigns)))[creative_campaign],
        popularity=rng.permutation(zipf(n, 0.8)),
        video_seconds=np.where(rng.random(n) < 0.15, rng.choice([6.0, 10.0, 15.0, 30.0], n), np.nan),
        limited=rng.random(n) < 0.03,
    )


def _mask(rng: np.random.Generator, rows: int, words: int, targeted: float) -> NDArray[np.bool_]:
    """A share `targeted` of the rows names some words, the others none, which means all."""
    some = rng.random((rows, words)) < 0.5
    some[np.arange(rows), rng.integers(0, words, rows)] = True
    return np.where((rng.random(rows) < targeted)[:, None], some, True)


def _dayparts(rng: np.random.Generator, rows: int) -> NDArray[np.bool_]:
    """One campaign in six runs in a contiguous part of the day only."""
    hour = np.arange(24)[None, :]
    begin, length = rng.integers(0, 24, rows)[:, None], rng.integers(8, 18, rows)[:, None]
    part = ((hour - begin) % 24) < length
    return np.where((rng.random(rows) < 1 / 6)[:, None], part, True)
