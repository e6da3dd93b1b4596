"""What people like on a day: their tastes swing, each user's in a rhythm of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feature_repo.taxonomy import CATEGORIES
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.population import Floats, Population, topic_map

PULL = 1.2
"""Log-odds of liking a topic, per unit of latent user-topic product."""
INDIFFERENT = 0.03
"""Share of interest below which people do not tell topics apart."""


@dataclass(frozen=True)
class Tastes:
    """latent: (users, LATENT). interest: (users, categories) log of the share plus INDIFFERENT, standardised over everyone. steps: (users,
    categories) cumulative shares of interest: where a uniform number falls is a category."""

    latent: Floats
    interest: Floats
    steps: Floats


def tastes(config: MarketConfig, people: Population, number: int) -> Tastes:
    """Everybody's tastes on a day of the market."""
    turn = 2 * np.pi * number / people.swing_days[:, None] + people.swing_phase
    latent = people.latent + config.laws.drift * np.sin(turn)
    known = (latent @ topic_map(config).T * PULL + people.leaning)[:, 1:]
    share = np.zeros((len(latent), len(CATEGORIES)))
    share[:, 1:] = np.exp(known - known.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    liking = np.log(share[:, 1:] + INDIFFERENT)
    interest = np.zeros_like(share)
    interest[:, 1:] = (liking - liking.mean()) / liking.std()
    return Tastes(latent, interest, np.asarray(np.cumsum(share, axis=1)))
