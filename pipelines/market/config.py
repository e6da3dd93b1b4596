"""What a market is made of. Effect sizes are log-odds unless a unit is given."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.sources import Home
from pipelines.errors import Missing, PipelineError

SOURCE = "simulator"


@dataclass(frozen=True)
class Laws:
    """The truth's effect sizes: P(click) = examination(surface, position) × sigmoid(sum of the effects).

    examination is the position-based model of Craswell et al. (2008); the others are plain logistic effects.
    """

    base: tuple[float, float, float] = (-6.5, -7.1, -6.8)  # search, feed, proactive
    decay: tuple[float, float, float] = (0.55, 0.35, 0.3)  # examination(position) = position ** -decay
    interest: float = 1.1  # per standard deviation of log interest in the ad's category
    taste: float = 0.45  # per unit of latent user–ad product
    quality: float = 0.6  # standard deviation across ads
    propensity: float = 0.3  # standard deviation across users
    language: float = 0.5  # the ad speaks the user's language
    evening: float = 0.25  # at the user's peak hour
    weekend: float = 0.15  # leisure categories at weekends
    query_match: float = 1.3  # search: the query is about the ad's category
    fatigue: float = 0.35  # per log(1 + times seen today)
    trend: float = 0.4  # amplitude of each category's slow wave
    bot_share: float = 0.01  # of users
    bot_click: float = 0.1  # P(click) of a bot
    conversion_base: float = -2.9
    conversion_quality: float = 0.6
    delay_hours: float = 6.0  # mean of the exponential delay of a conversion
    rival_sigma: float = 0.7  # of the log of rivals' best eCPM
    policy_noise: float = 0.5  # standard deviation of the logging policy's error about the click law


@dataclass(frozen=True)
class MarketConfig:
    """A market is a function of this value alone."""

    seed: int = 7
    start: str = "2026-01-05"
    users: int = 20_000
    creatives: int = 2_000
    impressions_per_day: int = 21_500
    horizon_days: int = 90
    explored: float = 0.05
    candidates: int = 24
    images: bool = True
    laws: Laws = Laws()

    def __post_init__(self) -> None:
        for name, least in (("users", 50), ("creatives", 40), ("impressions_per_day", 100), ("candidates", 4)):
            if getattr(self, name) < least:
                raise PipelineError(f"market {name}", getattr(self, name), f"Use at least {least}.")

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
        words = [self.seed, *(w if isinstance(w, int) else int.from_bytes(w.encode()[:8], "big") for w in what)]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))


def path(home: Home) -> Path:
    return home.root / "market.json"


def save(home: Home, config: MarketConfig) -> None:
    """Writes the market's config. Raises PipelineError when the folder already holds another market."""
    if path(home).exists() and load(home) != config:
        raise PipelineError(
            "state folder",
            str(home.root),
            "It already holds a market made otherwise; use a fresh PLACARD_HOME, or its own options.",
        )
    home.root.mkdir(parents=True, exist_ok=True)
    path(home).write_text(json.dumps(asdict(config), indent=1) + "\n")


def load(home: Home) -> MarketConfig:
    """The market of a state folder. Raises Missing when there is none."""
    if not path(home).exists():
        raise Missing("market", str(path(home)), "Run `placard simulate` first.")
    raw = json.loads(path(home).read_text())
    laws: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.pop("laws").items()}
    return MarketConfig(laws=Laws(**laws), **raw)
