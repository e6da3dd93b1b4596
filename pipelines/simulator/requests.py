"""Who asks for ads on a day, when, where, and about what."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from feature_repo.taxonomy import CATEGORIES, DEVICES, SURFACES
from pipelines.simulator import queries
from pipelines.simulator.population import DEVICE_SHARE, Floats, Ints
from pipelines.simulator.world import World

SURFACE_SHARE = (0.3, 0.4, 0.3)
WEEK = (0.96, 0.95, 0.96, 0.98, 1.0, 1.08, 1.07)
"""Traffic by weekday, Monday first; the mean is 1."""
OWN_DEVICE = 0.85
"""Share of requests from the user's own device; the others come from any."""
DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Requests:
    """One row a request, in order of time. second: since the day's start.

    topic: the query's category, 0 off search; page: the topic of what the person is reading where the ads will stand, 0 on search;
    intent, product, brand, form: of queries.Wish, -1 off search.
    """

    user: Ints
    second: Floats
    surface: Ints
    device: Ints
    topic: Ints
    page: Ints
    intent: Ints
    product: Ints
    brand: Ints
    form: Ints

    def __len__(self) -> int:
        return len(self.user)

    def rows(self, index: Ints) -> Requests:
        return Requests(*(getattr(self, field.name)[index] for field in fields(self)))


def ask(world: World, number: int, usual: float) -> Requests:
    """The day's requests, `usual` of them on a usual day; everyone who joins that day is among them."""
    config, people = world.config, world.people
    rng = config.rng("requests", number)
    rhythm = WEEK[(config.first.weekday() + number) % 7] * np.exp(rng.normal(scale=0.02))
    n = max(round(usual * rhythm), 1)
    here = np.flatnonzero(people.joined <= number)
    user = rng.choice(here, n, p=people.activity[here] / people.activity[here].sum())
    newcomers = np.flatnonzero(people.joined == number) if number else np.empty(0, np.int64)
    user[: len(newcomers)] = newcomers[:n]
    hour = np.where(rng.random(n) < 0.75, rng.normal(people.peak[user], 3.0), rng.uniform(0, 24, n)) % 24
    second = np.minimum(hour * 3600, DAY_SECONDS - 1)
    surface = rng.choice(len(SURFACES), n, p=SURFACE_SHARE)
    device = np.where(rng.random(n) < OWN_DEVICE, people.device[user], rng.choice(np.arange(1, len(DEVICES)), n, p=DEVICE_SHARE))
    about = draw_topic(world, number, rng, user)
    topic, page = np.where(surface == 0, about, 0), np.where(surface == 0, 0, about)
    wanted = queries.wish(world.ads, rng, topic, people.language[user])
    said = (np.where(surface == 0, column, -1) for column in (wanted.intent, wanted.product, wanted.brand, wanted.form))
    return Requests(user, second, surface, device, topic, page, *said).rows(np.argsort(second, kind="stable"))


def draw_topic(world: World, number: int, rng: np.random.Generator, user: Ints) -> Ints:
    """A category for each user, in proportion to their interests of the day."""
    steps = world.tastes(number).steps[user]
    return np.asarray((steps < rng.random((len(user), 1))).sum(axis=1).clip(1, len(CATEGORIES) - 1))
