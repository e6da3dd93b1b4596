"""What people do with an ad beside clicking on it: liking, hiding and the like, and what a conversion is worth."""

from __future__ import annotations

from typing import Final

import numpy as np

from pipelines.simulator import clicks
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.requests import Requests
from pipelines.simulator.world import World

RATES: Final = {"like": 0.012, "comment": 0.002, "share": 0.002, "hide": 0.003, "report": 0.0005}
"""Per impression on the feed and proactive surfaces, for an ad of average relevance."""
UNWANTED: Final = ("hide", "report")
SECONDS: Final = 10.0
"""Mean of the exponential delay after the impression."""
SAMPLE, EACH = 400, 8


def fondness(p_click: Floats, usual: float) -> Floats:
    """How much better than usual an ad pleases, around 1, from its probability of a click. usual: that of an average ad."""
    return np.asarray(np.sqrt(p_click / max(usual, 1e-9)))


def chance(kind: str, fondness: Floats) -> Floats:
    """P(kind | impression): the fonder the likelier; of what is unwanted, the less."""
    tilt = 1 / np.maximum(fondness, 0.3) if kind in UNWANTED else fondness
    return np.asarray(RATES[kind] * tilt)


def usual_p_click(world: World, number: int, requests: Requests) -> float:
    """Mean P(click) at the first position over ads that were drawn by lot for some of the day's requests."""
    rng = world.config.rng("usual", number)
    some = requests.rows(np.sort(rng.integers(0, len(requests), SAMPLE)))
    ads = rng.choice(world.live(number).servable, (SAMPLE, EACH))
    return float(clicks.sigmoid(clicks.appeal(world, number, some, ads)).mean())


def value_micros(rng: np.random.Generator, n: int) -> Ints:
    """What n conversions are worth to the advertiser."""
    return np.asarray(rng.lognormal(16.5, 0.6, n)).astype(np.int64)
