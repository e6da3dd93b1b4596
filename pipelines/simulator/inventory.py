"""The supply of ads: advertisers → campaigns → ad groups → creatives; where they may appear and what they bid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, DEVICES, GENDERS, OBJECTIVES, SURFACES
from pipelines.simulator.config import Laws, MarketConfig
from pipelines.simulator.looks import Looks, looks
from pipelines.simulator.population import LATENT, Floats, Ints, spread_starts, topic_map, zipf
from pipelines.simulator.words import CALLS, LANGUAGES, REFUSED_WORDS, REGIONS, WORDS

Masks = NDArray[np.bool_]
SLOTS = {"search": 4, "feed": 3, "proactive": 2}
FLOOR_MICROS = {"search": 1_200_000, "feed": 1_000_000, "proactive": 1_200_000}
"""Least eCPM by surface: micros per thousand impressions."""
POLICY = ("approved", "limited", "rejected", "pending")
STATUS = ("active", "paused", "ended")
PRODUCTS = min(len(words) for words in WORDS.values())
"""Of each category; the first are searched for most."""
MISFILED = 0.05
"""Share of ad groups, and of pages that ads stand beside, that somebody filed under a wrong category."""
FOREVER = 10**6
"""A day number beyond every horizon, for what never happens."""


@dataclass(frozen=True)
class Supply:
    """One day's supply. status: codes of STATUS and bid_micros by campaign; servable: creatives that may be shown at all."""

    status: Ints
    bid_micros: Ints
    policy: Ints
    servable: Ints


@dataclass(frozen=True)
class Inventory:
    """Columns per level; codes index the vocabularies, the last word of a name says of which level its values are.

    Targeting is a mask per campaign and vocabulary word: all True means everyone. hours: (campaigns, 24). Days are numbers:
    a campaign is known from `announced`, runs from `starts` to before `ends`, rests from `pauses` to before `resumes`, and
    bids `bid_factor` times as much from `rebids`. live_from: the day a creative appears.
    """

    advertiser_category: Ints
    campaign_advertiser: Ints
    announced: Ints
    starts: Ints
    ends: Ints
    pauses: Ints
    resumes: Ints
    rebids: Ints
    bid_factor: Floats
    objective: Ints
    first_bid_micros: Ints
    budget_micros: Ints
    frequency_cap: Ints
    on_surface: Masks
    in_region: Masks
    in_language: Masks
    on_device: Masks
    of_age: Masks
    of_gender: Masks
    hours: Masks
    device_factor: Floats  # (campaigns, devices): what a search's bid is multiplied by
    refused: Ints  # by campaign, codes of words.REFUSED_WORDS; -1: none
    branded: Masks  # by advertiser: its name is a brand
    group_campaign: Ints
    group_category: Ints
    group_product: Ints  # words.WORDS of the category, by place
    group_name: Ints  # which of the product's names its texts use, a large number to be taken modulo how many there are
    group_refused: Ints  # another product that it does not want to be found with; -1: none
    creative_group: Ints
    creative_campaign: Ints
    live_from: Ints
    first_policy: Ints  # codes of POLICY; pending becomes approved the day after
    category: Ints
    filed: Ints  # the category that the catalogue says
    product: Ints
    language: Ints
    latent: Floats
    call: Ints  # codes of words.CALLS
    informs: Floats  # how much the call to action informs, in [-1, 1]
    looks: Looks
    page: Floats  # the landing page's quality, standard scores
    quality: Floats
    conversion: Floats
    delay_hours: Floats
    popularity: Floats
    video_seconds: Floats  # nan: no video

    def live(self, number: int) -> Supply:
        """The supply on a day."""
        status = np.select([number >= self.ends, (number >= self.pauses) & (number < self.resumes)], [2, 1], 0)
        bid = np.where(number >= self.rebids, self.first_bid_micros * self.bid_factor, self.first_bid_micros)
        policy = np.where((self.first_policy == 3) & (number > self.live_from), 0, self.first_policy)
        runs = (status == 0) & (number >= self.starts)
        servable = (self.live_from <= number) & (policy < 2) & runs[self.creative_campaign]
        return Supply(status, (np.round(bid / 1000) * 1000).astype(np.int64), policy, np.flatnonzero(servable))


def stock(config: MarketConfig) -> Inventory:
    """Draws every ad of the horizon; a third of the campaigns start later, a fifth of the creatives join a running campaign."""
    rng, laws, n = config.rng("ads"), config.laws, config.creatives
    advertisers, campaigns, groups = max(n // 15, 10), max(n // 6, 20), max(n // 3, 30)
    categories = 1 + rng.choice(len(CATEGORIES) - 1, advertisers, p=zipf(len(CATEGORIES) - 1, 0.4))
    campaign_advertiser = np.sort(rng.choice(advertisers, campaigns, p=zipf(advertisers, 0.7)))
    group_campaign = np.sort(np.concatenate([np.arange(campaigns), rng.integers(0, campaigns, groups - campaigns)]))
    creative_group = np.sort(np.concatenate([np.arange(groups), rng.integers(0, groups, n - groups)]))
    creative_campaign = group_campaign[creative_group]
    begin = spread_starts(rng, rng.random(campaigns) < 0.33, config.horizon_days)
    live_from = np.maximum(begin[creative_campaign], spread_starts(rng, rng.random(n) < 0.2, config.horizon_days))
    starts = np.full(campaigns, FOREVER)
    np.minimum.at(starts, creative_campaign, live_from)
    own = categories[campaign_advertiser[group_campaign]]
    group_category = np.where(rng.random(groups) < 0.9, own, rng.integers(1, len(CATEGORIES), groups))
    category = group_category[creative_group]
    searched = config.rng("searched")
    product = (searched.power(0.7, groups) * PRODUCTS).astype(np.int64)
    other = (product + searched.integers(1, PRODUCTS, groups)) % PRODUCTS
    objective = rng.choice(len(OBJECTIVES), campaigns, p=[0.6, 0.25, 0.15])
    per_click = np.exp(rng.normal(np.log(350_000), 0.5, campaigns))
    scale = np.array([1.0, 12.0, 14.0])[objective]  # cpm bids per thousand, cpa bids per conversion
    budget = np.exp(rng.normal(np.log(6e5 * config.impressions_per_day / campaigns / 20), 1.0, campaigns)) + 2e6
    pauses = np.where(rng.random(campaigns) < 0.05, starts + rng.integers(2, 20, campaigns), FOREVER)
    call = rng.integers(0, len(CALLS), n)
    papers = config.rng("papers")
    group_filed = misfiled(papers, group_category)
    owner = campaign_advertiser[creative_campaign]
    return Inventory(
        advertiser_category=categories,
        campaign_advertiser=campaign_advertiser,
        announced=np.where((starts > 2) & (rng.random(campaigns) < 0.3), starts - 2, starts),
        starts=starts,
        ends=np.where(rng.random(campaigns) < 0.2, starts + rng.integers(7, 60, campaigns), FOREVER),
        pauses=pauses,
        resumes=pauses + rng.integers(1, 5, campaigns),
        rebids=np.where(rng.random(campaigns) < 0.15, starts + rng.integers(1, 30, campaigns), FOREVER),
        bid_factor=np.exp(rng.normal(scale=0.2, size=campaigns)),
        objective=objective,
        first_bid_micros=(np.round(per_click * scale / 1000) * 1000).astype(np.int64),
        budget_micros=(np.round(budget / 1000) * 1000).astype(np.int64),
        frequency_cap=rng.choice([0, 3, 5, 10], campaigns, p=[0.4, 0.2, 0.2, 0.2]),
        on_surface=_mask(rng, campaigns, len(SURFACES), 0.5),
        in_region=_mask(rng, campaigns, len(REGIONS), 0.3),
        in_language=_mask(rng, campaigns, len(LANGUAGES), 0.2),
        on_device=_known(_mask(rng, campaigns, len(DEVICES) - 1, 0.15)),
        of_age=_known(_mask(rng, campaigns, len(AGE_BANDS) - 1, 0.15)),
        of_gender=_known(_mask(rng, campaigns, len(GENDERS) - 1, 0.08)),
        hours=_dayparts(rng, campaigns),
        device_factor=_device_factors(searched, campaigns),
        refused=np.where(searched.random(campaigns) < 0.2, searched.integers(0, len(REFUSED_WORDS), campaigns), -1),
        branded=searched.random(advertisers) < 0.6,
        group_campaign=group_campaign,
        group_category=group_category,
        group_product=product,
        group_name=papers.integers(0, 1 << 30, groups),
        group_refused=np.where(searched.random(groups) < 0.25, other, -1),
        creative_group=creative_group,
        creative_campaign=creative_campaign,
        live_from=live_from,
        first_policy=rng.choice(len(POLICY), n, p=[0.93, 0.03, 0.015, 0.025]),
        category=category,
        filed=group_filed[creative_group],
        product=product[creative_group],
        language=rng.choice(len(LANGUAGES), n, p=zipf(len(LANGUAGES), 0.5)),
        latent=topic_map(config)[category] + rng.normal(scale=0.6, size=(n, LATENT)) / np.sqrt(LATENT),
        call=call,
        informs=np.array(list(CALLS.values()))[call],
        looks=looks(config, owner),
        page=papers.normal(scale=np.sqrt(0.5), size=advertisers)[owner] + papers.normal(scale=np.sqrt(0.5), size=n),
        quality=_quality(rng, laws, creative_campaign, campaigns) + config.rng("calls").normal(scale=laws.appeal, size=len(CALLS))[call],
        conversion=rng.normal(scale=laws.conversion_quality, size=campaigns)[creative_campaign],
        delay_hours=(laws.delay_hours * np.exp(rng.normal(scale=laws.delay_spread, size=campaigns)))[creative_campaign],
        popularity=rng.permutation(zipf(n, 0.8)),
        video_seconds=np.where(rng.random(n) < 0.15, rng.choice([6.0, 10.0, 15.0, 30.0], n), np.nan),
    )


def misfiled(rng: np.random.Generator, category: Ints) -> Ints:
    """The category that each is filed under: nearly always its own."""
    return np.where(rng.random(len(category)) < MISFILED, rng.integers(1, len(CATEGORIES), len(category)), category)


def _quality(rng: np.random.Generator, laws: Laws, campaign: Ints, campaigns: int) -> Floats:
    shared, own = rng.normal(size=campaigns)[campaign], rng.normal(size=len(campaign))
    return np.asarray(laws.quality * (np.sqrt(2 / 3) * shared + np.sqrt(1 / 3) * own))


def _mask(rng: np.random.Generator, rows: int, words: int, targeted: float) -> Masks:
    """A share `targeted` of the rows names some words, the others none, which means all."""
    some = rng.random((rows, words)) < 0.5
    some[np.arange(rows), rng.integers(0, words, rows)] = True
    return np.where((rng.random(rows) < targeted)[:, None], some, True)


def _device_factors(rng: np.random.Generator, rows: int) -> Floats:
    """One campaign in seven bids more or less on one device."""
    factors = np.ones((rows, len(DEVICES)))
    some = np.flatnonzero(rng.random(rows) < 1 / 7)
    factors[some, rng.integers(1, len(DEVICES), len(some))] = rng.choice([0.7, 0.85, 1.15, 1.3], len(some))
    return factors


def _known(masks: Masks) -> Masks:
    """With the vocabulary's unknown put first, which only a campaign for everyone reaches."""
    return np.concatenate([masks.all(axis=1, keepdims=True), masks], axis=1)


def _dayparts(rng: np.random.Generator, rows: int) -> Masks:
    """One campaign in six runs in a contiguous part of the day only."""
    hour = np.arange(24)[None, :]
    begin, length = rng.integers(0, 24, rows)[:, None], rng.integers(8, 18, rows)[:, None]
    part = ((hour - begin) % 24) < length
    return np.where((rng.random(rows) < 1 / 6)[:, None], part, True)
