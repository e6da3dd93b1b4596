"""What each creative's picture shows, and what people make of it: a scene, how crowded it is, how vivid, in which hue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.simulator.config import MarketConfig
from pipelines.simulator.population import Floats, Ints

SCENES: Final = ("object", "pattern", "landscape", "figure", "night")
GOLDEN_RATIO: Final = 0.618034
"""Steps of this share of the colour circle keep any number of advertisers apart."""


@dataclass(frozen=True)
class Looks:
    """By creative. scene: codes of SCENES; crowd, vivid: in [0, 1]; hue: in [0, 1) around the colour circle. adds: log-odds of a click,
    for everybody; 0 in a market without pictures."""

    scene: Ints
    crowd: Floats
    vivid: Floats
    hue: Floats
    adds: Floats


def looks(config: MarketConfig, advertiser: Ints) -> Looks:
    """Draws every picture of the horizon. An advertiser keeps near a hue and a scene of its own. Which scenes please, and how crowded the
    best picture is, is each market's own; pictures please less the further they are from that, on either side."""
    rng, n = config.rng("looks"), len(advertiser)
    usual = rng.integers(0, len(SCENES), int(advertiser.max()) + 1)[advertiser]
    scene = np.where(rng.random(n) < 0.5, usual, rng.integers(0, len(SCENES), n))
    crowd, vivid = rng.beta(1.4, 1.8, n), rng.beta(2.0, 1.6, n)
    hue = (advertiser * GOLDEN_RATIO + rng.normal(scale=0.04, size=n)) % 1.0
    pleases, best = rng.normal(size=len(SCENES)), rng.uniform(0.25, 0.6)
    likes = pleases[scene] - ((crowd - best) / 0.3) ** 2 + 1.2 * vivid * (scene != SCENES.index("night"))
    adds = config.laws.look * (likes - likes.mean()) / max(float(likes.std()), 1e-9)
    return Looks(scene, crowd, vivid, hue, adds if config.images else np.zeros(n))
