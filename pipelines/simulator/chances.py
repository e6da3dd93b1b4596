"""How likely a visitor looks at, clicks on and buys from each ad of a page: the laws, applied to one visit and what its person has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulator import clicks
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.requests import DAY_SECONDS, Requests
from pipelines.simulator.shown_before import ShownBefore
from pipelines.simulator.world import World


@dataclass(frozen=True)
class Chances:
    """Of each ad, shape (k,): P(looked at), P(click | looked at), P(conversion | click), and how often its campaign was seen that day. A
    bot looks everywhere, and clicks on everything alike."""

    looked: Floats
    wanted: Floats
    bought: Floats
    seen: Ints
    bot: bool


def moment_of(number: int, asked: Requests) -> float:
    """When the one request of `asked` was made, in days since the market's first midnight."""
    return number + float(asked.second[0]) / DAY_SECONDS


def chances(world: World, number: int, asked: Requests, ads: Ints, position: Ints, before: ShownBefore) -> Chances:
    """asked: one request of the day `number`. ads, position: numbers of the ads shown for it and their places from 1, shape (k,)."""
    user = int(asked.user[0])
    seen = before.seen_today(user, ads, moment_of(number, asked))
    bought = clicks.conversion(world, np.repeat(asked.user, len(ads)), ads)
    if world.people.bot[user]:
        return Chances(np.ones(len(ads)), np.full(len(ads), world.config.laws.bot_click), bought, seen, True)
    looked = clicks.examination(world.config, np.repeat(asked.surface, len(ads)), position)
    wanted = clicks.relevance(world, clicks.appeal(world, number, asked, ads[None, :]), seen[None, :])[0]
    return Chances(looked, wanted, bought, seen, False)
