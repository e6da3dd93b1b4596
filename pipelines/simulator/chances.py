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
    """Of each ad, shape (k,): P(looked at), P(click | looked at), P(conversion | click), how often its campaign was seen that day, and the
    log-odds of a click that memory takes away. A bot looks everywhere, clicks on everything alike, and never tires."""

    looked: Floats
    wanted: Floats
    bought: Floats
    seen: Ints
    weary: Floats
    bot: bool


def moment_of(number: int, asked: Requests) -> float:
    """When the one request of `asked` was made, in days since the market's first midnight."""
    return number + float(asked.second[0]) / DAY_SECONDS


def chances(world: World, number: int, asked: Requests, ads: Ints, position: Ints, before: ShownBefore) -> Chances:
    """asked: one request of the day `number`. ads, position: numbers of the ads shown for it and their places from 1, shape (k,)."""
    user = int(asked.user[0])
    now = moment_of(number, asked)
    seen = before.seen_today(user, ads, now)
    bought = clicks.conversion(world, number, np.repeat(asked.user, len(ads)), ads)
    if world.people.bot[user]:
        return Chances(np.ones(len(ads)), np.full(len(ads), world.config.laws.bot_click), bought, seen, np.zeros(len(ads)), True)
    looked = clicks.examination(world.config, np.repeat(asked.surface, len(ads)), position)
    weary = clicks.weariness(world, asked.user, before.worn(user, ads, now))
    wanted = clicks.sigmoid(clicks.appeal(world, number, asked, ads[None, :])[0] - weary)
    return Chances(looked, wanted, bought, seen, weary, False)
