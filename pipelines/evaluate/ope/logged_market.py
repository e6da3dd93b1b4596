"""Logged feedback drawn from the market's laws, with the exact value of a policy that did not log it.

A population of proactive requests with the candidates that the market's retrieval finds for them, served by the market's logging
policy (pipelines.simulator.policy: an auction, with a share of slates dealt at random). Clicks follow the market's truth, for people
who see each campaign for the first time that day. Rivals do not bid: no whole slate of a target is then one that the logging policy
never shows. A run draws requests from the population, so rounds are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import SURFACES
from pipelines.evaluate.ope.feedback import EMPTY, Feedback, Floats, Ints
from pipelines.evaluate.ope.target import Target
from pipelines.simulator import clicks, policy, retrieval
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.inventory import FLOOR_MICROS, SLOTS
from pipelines.simulator.requests import ask
from pipelines.simulator.world import World

SURFACE: Final = "proactive"
DEPTH: Final = SLOTS[SURFACE]
HOUR: Final = 18
CANDIDATES: Final = 12
"""Ads that retrieval finds for a request."""
BETTER: Final = 0.5
"""Error of the target's ranker about the log of P(click), in errors of the logging policy's."""


@dataclass(frozen=True)
class LoggedMarket:
    """N requests; `usual`, `target`: creative by slot, (N, DEPTH), EMPTY where none is left.

    p: P(click | shown in the first place) of the candidates (N, k), cand: which they are, eligible: which may be shown. value:
    the target's exact expected clicks of a request; logged_value: the logging policy's.
    """

    share: float
    cand: Ints
    eligible: NDArray[np.bool_]
    p: Floats
    guess: Floats
    person: NDArray[np.float32]
    usual: Ints
    target: Ints
    examination: Floats
    value: float
    logged_value: float

    @classmethod
    def of(cls, seed: int, requests: int, share: float, candidates: int = CANDIDATES) -> LoggedMarket:
        """share: of slates that the logging policy deals at random. candidates: ads that retrieval finds for a request."""
        config = MarketConfig(
            seed=seed, users=3_000, creatives=400, impressions_per_day=20_000, candidates=candidates, explored=share, images=False
        )
        world, rng, surface = World.of(config), config.rng("off-policy"), SURFACES.index(SURFACE)
        asked = ask(world, 0, requests * 5.0)
        asked = asked.rows(np.flatnonzero(asked.surface == surface)[:requests])
        live, n = world.live(0), len(asked)
        cand = retrieval.candidates(world, 0, live, rng, asked)
        p = clicks.sigmoid(clicks.appeal(world, 0, asked, cand))
        p = np.where(world.people.bot[asked.user][:, None], config.laws.bot_click, p)
        campaign, floor = world.ads.creative_campaign[cand], np.full(n, float(FLOOR_MICROS[SURFACE]))
        bids = live.bid_micros[campaign]
        noise, lot, nobody = config.laws.policy_noise, rng.random(cand.shape), np.zeros(n, bool)
        guess = p * np.exp(rng.normal(scale=noise, size=cand.shape))
        better = p * np.exp(rng.normal(scale=noise * BETTER, size=cand.shape))
        rate, other = (bids * policy.views_per_bid(world.ads.objective[campaign], by) for by in (guess, better))
        eligible = retrieval.allowed(world, live, asked, HOUR, cand) & (rate >= floor[:, None])
        slots = np.full(n, DEPTH)
        usual, target = (
            _slate(policy.allot(by, eligible, nobody, lot, slots, np.zeros(n), np.zeros(n), share, DEPTH)) for by in (rate, other)
        )  # fmt: skip
        seen = clicks.examination(config, np.full(DEPTH, surface), np.arange(1, DEPTH + 1))
        person = np.stack([asked.device, world.people.age[asked.user]], axis=1).astype(np.float32)
        market = cls(share, cand, eligible, p, guess, person, usual, target, seen, 0.0, 0.0)
        count = np.maximum(eligible.sum(axis=1), 1)
        drawn = (np.arange(DEPTH) < eligible.sum(axis=1)[:, None]) * ((p * eligible).sum(axis=1) / count)[:, None]
        logged = (1 - share) * market.worth(usual) + share * float((drawn * seen).sum(axis=1).mean())
        return cls(share, cand, eligible, p, guess, person, usual, target, seen, market.worth(target), logged)

    def worth(self, slates: Ints) -> float:
        """Exact expected clicks of a request when `slates`, creative by slot (N, DEPTH), are shown."""
        return float((self._chance(np.arange(len(slates)), slates) * self.examination).sum(axis=1).mean())

    def _chance(self, rows: Ints, slate: Ints) -> Floats:
        """P(click | looked at) of the columns `slate` of requests `rows`; 0 of an empty slot."""
        return np.where(slate == EMPTY, 0.0, np.take_along_axis(self.p[rows], np.maximum(slate, 0), axis=1))

    def draw(self, seed: int, rounds: int) -> tuple[Feedback, Target]:
        """What the logging policy would have logged of `rounds` requests, and the target policy on them."""
        rng = np.random.default_rng([seed, rounds])
        at = rng.integers(0, len(self.cand), rounds)
        eligible, usual, target = self.eligible[at], self.usual[at], self.target[at]
        count = eligible.sum(axis=1)
        dealt = np.argsort(np.where(eligible, rng.random(eligible.shape), 2.0), axis=1)[:, :DEPTH]
        dealt = np.where(np.arange(DEPTH) < count[:, None], dealt, EMPTY)
        slate = np.where((rng.random(rounds) < self.share)[:, None], dealt, usual)
        clicked = rng.random(slate.shape) < self._chance(at, slate) * self.examination
        there = np.arange(DEPTH) < count[:, None]  # slots that a dealt slate fills
        by_lot = np.where(slate == EMPTY, ~there, there / np.maximum(count, 1)[:, None])
        dealing = self.share * np.all((slate != EMPTY) == there, axis=1) / _arrangements(count)
        same_usual, same_target = (np.all(slate == s, axis=1) for s in (usual, target))
        feedback = Feedback(
            rounds=rounds,
            round=np.repeat(np.arange(rounds), DEPTH),
            action=np.where(slate == EMPTY, EMPTY, np.take_along_axis(self.cand[at], np.maximum(slate, 0), axis=1)).ravel(),
            position=np.tile(np.arange(1, DEPTH + 1), rounds),
            reward=clicked.ravel().astype(np.float64),
            propensity=((1 - self.share) * (slate == usual) + self.share * by_lot).ravel(),
            context=self._context(at, slate),
            slate_propensity=(1 - self.share) * same_usual + dealing,
        )
        options = np.flatnonzero(target.ravel() != EMPTY)
        return feedback, Target(
            name="challenger",
            probability=(slate == target).ravel().astype(np.float64),
            option_slot=options,
            option_probability=np.ones(len(options)),
            option_context=self._context(at, target)[options],
            slate_probability=same_target.astype(np.float64),
        )

    def _context(self, rows: Ints, slate: Ints) -> NDArray[np.float32]:
        """What a logging system knows: position, its own guess of P(click), the person's device and age; (rows x DEPTH, 4)."""
        guess = np.log(np.take_along_axis(self.guess[rows], np.maximum(slate, 0), axis=1)).ravel()
        place = np.tile(np.arange(1, DEPTH + 1), len(rows))
        return np.column_stack([place, guess, np.repeat(self.person[rows], DEPTH, axis=0)]).astype(np.float32)


def _slate(slates: policy.Slates) -> Ints:
    return np.where(slates.filled, slates.order, EMPTY)


def _arrangements(count: Ints) -> Floats:
    """Ordered slates that can be dealt from `count` ads: count! / (count - DEPTH)!, at least 1."""
    left = count[:, None] - np.arange(DEPTH)
    return np.asarray(np.where(left > 0, left, 1).prod(axis=1), np.float64)
