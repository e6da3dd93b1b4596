"""What a market is made of. Effect sizes are log-odds unless a unit is given."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.errors import Missing, PipelineError

SOURCE = "simulator"


@dataclass(frozen=True)
class Laws:
    """The truth's effect sizes: P(click) = examination(surface, position) × sigmoid(sum of the effects).

    examination is the position-based model of Craswell et al. (2008); the others are plain logistic effects.
    Triples go with taxonomy.SURFACES (search, feed, proactive).
    """

    base: tuple[float, float, float] = (-6.75, -7.35, -7.05)
    decay: tuple[float, float, float] = (0.55, 0.35, 0.3)  # examination(position) = position ** -decay
    interest: float = 0.8  # per standard deviation of how much users like a topic
    drift: float = 0.6  # amplitude of the swings of what a user likes, in standard deviations of the latent tastes
    taste: float = 0.35  # per unit of latent user–ad product, beyond the category
    quality: float = 0.75  # standard deviation across ads, two thirds of its variance by campaign
    appeal: float = 0.3  # standard deviation of what a call to action adds; part of what a cold ad shows
    look: float = 0.35  # standard deviation across pictures of what a picture adds off search; a third of it on search
    hue: float = 0.25  # off search: the picture's hue is the user's favourite; as much less for the opposite one
    page: float = 0.5  # off search: times how alike the page's topic and the ad's are, in [-1, 1]
    video: float = 0.2  # the ad has a video; nothing on search
    propensity: float = 0.25  # standard deviation across users
    age: float = 0.06  # per age band
    device: tuple[float, float, float, float, float] = (0.0, 0.2, -0.25, 0.1, -0.7)  # by taxonomy.DEVICES
    language: float = 0.7  # the ad speaks the user's language
    local: float = 0.15  # the ad is aimed at some regions, the user's among them
    evening: float = 0.35  # within 2.5 hours of the user's peak
    weekend: float = 0.15  # leisure categories at weekends
    relevance: float = 1.8  # search: times how well the ad answers the query, in [0, 1]
    intent: tuple[float, float, float] = (-0.3, 0.2, 0.1)  # search, by taxonomy.INTENTS
    informative: float = 0.5  # search to know: times how much the ad's call to action informs, in [-1, 1]
    wear: float = 1.2  # at most, of a campaign that the user remembers often: times 1 - exp(-remembered / wear_after)
    wear_after: float = 4.0  # impressions
    tire: float = 0.8  # at most, of an advertiser, times the user's impatience: remembered / (remembered + tire_half)
    tire_half: float = 10.0  # impressions
    impatience: float = 0.5  # standard deviation, across users, of the log of their impatience
    kept: float = 0.6  # share of an impression that is remembered a night later
    trend: float = 0.2  # amplitude of each category's wave of 28 days
    bot_share: float = 0.005  # of users
    bot_click: float = 0.07  # P(click) of a bot, whatever it sees; a bot never converts
    conversion_base: float = -3.2  # a click's conversion: sigmoid of the base and the next two
    conversion_quality: float = 0.6  # standard deviation across campaigns
    conversion_interest: float = 0.5  # per standard deviation of how much users like a topic
    conversion_page: float = 0.6  # standard deviation, across landing pages, of what a page's quality adds
    click_seconds: float = 8.0  # mean of the exponential delay of a click, after half a second
    delay_hours: float = 6.0  # median over campaigns of the mean of a conversion's exponential delay after its click
    delay_spread: float = 0.4  # standard deviation of its log across campaigns
    rival_median: float = 2.0  # of rivals' best bid for a request, in floors
    rival_sigma: float = 0.7  # of its log
    policy_noise: float = 0.5  # standard deviation of the logging policy's error about the log of P(click)


@dataclass(frozen=True)
class MarketConfig:
    """A market is a function of this value alone.

    start: its first day. users, creatives: all that appear within the horizon. impressions_per_day: about, over a week.
    explored: share of requests whose slate is drawn at random. candidates: ads the logging policy looks at for a request.
    """

    seed: int = 7
    start: str = "2026-01-05"
    users: int = 10_000
    creatives: int = 1_000
    impressions_per_day: int = 21_500
    horizon_days: int = 90
    explored: float = 0.1
    candidates: int = 24
    images: bool = True
    laws: Laws = Laws()

    def __post_init__(self) -> None:
        for name, least in (("users", 50), ("creatives", 40), ("impressions_per_day", 100), ("candidates", 6)):
            if getattr(self, name) < least:
                raise PipelineError(f"market {name}", getattr(self, name), f"Use at least {least}.")
        if not 0 <= self.explored <= 1:
            raise PipelineError("market explored", self.explored, "Use a share between 0 and 1.")
        date.fromisoformat(self.start)

    @property
    def first(self) -> date:
        return date.fromisoformat(self.start)

    def day_number(self, day: date) -> int:
        """Days since the start. Raises PipelineError for a day the market does not cover."""
        number = (day - self.first).days
        if not 0 <= number < self.horizon_days:
            last = self.first.toordinal() + self.horizon_days - 1
            raise PipelineError("day", str(day), f"This market runs from {self.first} to {date.fromordinal(last)}.")
        return number

    def rng(self, *what: int | str) -> np.random.Generator:
        """A generator of its own for each named draw: no draw shifts another."""
        words = [self.seed, *(w if isinstance(w, int) else int.from_bytes(w.encode(), "big") for w in what)]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))


def path(home: Home) -> Path:
    return home.root / "market.json"


def save(home: Home, config: MarketConfig) -> None:
    """Writes the market's config. Raises PipelineError when the folder already holds another market."""
    if path(home).exists():
        if load(home) != config:
            raise PipelineError(
                "state folder",
                str(home.root),
                "It already holds a market made otherwise; use a fresh PLACARD_HOME, or its own options.",
            )
        return
    write_whole(path(home), json.dumps(asdict(config), indent=1) + "\n")


def load(home: Home) -> MarketConfig:
    """The market of a state folder. Raises Missing when there is none, PipelineError when it is of another version."""
    if not path(home).exists():
        raise Missing("market", str(path(home)), "Run `placard simulate` first.")
    try:
        raw = json.loads(path(home).read_text())
        laws: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.pop("laws").items()}
        return MarketConfig(laws=Laws(**laws), **raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PipelineError(
            "market", str(path(home)), f"It was made by another version, or altered ({error}); use a fresh folder."
        ) from None
