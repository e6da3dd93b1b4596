"""What happened to the ads that were shown, from the truth: the one place to ask, and it answers with events, never with a probability.

Whoever imitates traffic (the closed loop, the demo, benches, tests) takes a day's visits from here, has them answered with ads, and is
told what people did with these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.taxonomy import DEVICES, SURFACES
from pipelines.simulator import engagement
from pipelines.simulator.chances import chances, moment_of
from pipelines.simulator.columns import numbered, word
from pipelines.simulator.config import load
from pipelines.simulator.day import asked
from pipelines.simulator.logs import SYSTEMS
from pipelines.simulator.requests import DAY_SECONDS, Requests
from pipelines.simulator.search_log import searches
from pipelines.simulator.shown_before import ShownBefore
from pipelines.simulator.truth import IMPRESSION_TRUTH, truth_file
from pipelines.simulator.words import LANGUAGES, REGIONS
from pipelines.simulator.world import World

SOCIAL: Final = ("feed", "proactive")
"""Surfaces on which ads can be liked and hidden."""


@dataclass(frozen=True)
class Visit:
    """A person who asks for ads. visit_id: of a search, its query_id in the simulated log; query: what was typed, "" off search."""

    visit_id: str
    surface: str
    user_id: str
    ts: datetime
    device: str
    os: str
    region: str
    language: str
    query: str


@dataclass(frozen=True)
class Reaction:
    """An event. kind: `impression` or one of feature_repo.events.ENGAGEMENT_KINDS; value_micros: of a conversion."""

    kind: str
    creative_id: str
    ts: datetime
    value_micros: int = 0


class Audience:
    """The people of a simulated market on one day. The same visit that is shown the same ads after the same past reacts alike.

    before: what they have seen until now, which `react` goes on with; by default what the logs of the days before say.
    """

    def __init__(self, home: Home, day: date, before: ShownBefore | None = None) -> None:
        config = load(home)
        self.day, self._number = day, config.day_number(day)
        self._world = World.of(config)
        self.before = before or ShownBefore.of_logs(self._world, home, day)
        self._requests = asked(self._world, self._number)
        self._told: list[dict[str, Any]] = []
        self._tag = f"q{self._world.tag(self._number)}"

    def visits(self, surfaces: Sequence[str] = SURFACES) -> list[Visit]:
        """The day's visits to some surfaces, in order of time; bots among them."""
        world, requests = self._world, self._requests
        people, rows = world.people, np.flatnonzero(np.isin(requests.surface, [SURFACES.index(s) for s in surfaces]))
        typed = searches(world, self._number, requests)
        text = dict(zip(typed["query_id"].to_pylist(), typed["text"].to_pylist(), strict=True))
        of = requests.rows(rows)
        ids = numbered(self._tag, rows).to_pylist()
        columns: list[pa.Array] = [
            word(SURFACES, of.surface), word(people.ids, of.user), world.instant(self._number, of.second), word(DEVICES, of.device),
            word(SYSTEMS, 2 * of.device + people.brand[of.user]), word(REGIONS, people.region[of.user]),
            word(LANGUAGES, people.language[of.user]),
        ]  # fmt: skip
        said = [column.to_pylist() for column in columns]
        return [Visit(*row) for row in zip(ids, *said, [text.get(name, "") for name in ids], strict=True)]

    def react(self, visit_id: str, shown: Sequence[tuple[str, int]], at: datetime | None = None) -> list[Reaction]:
        """What a visitor does with the ads on a page, in order of time: each ad is an impression, at once; some are clicked, converted
        from, liked or hidden later. shown: creative and position (from 1) of each. at: when the page was shown, on the audience's day;
        by default when the visit was made."""
        if not shown:
            return []
        row = int(visit_id.removeprefix(self._tag))
        asked, moment = self._asked(row, at)
        ads, position = np.array([int(c[1:]) for c, _ in shown], np.int64), np.array([p for _, p in shown], np.int64)
        user, here = int(asked.user[0]), moment_of(self._number, asked)
        of_all = chances(self._world, self._number, asked, ads, position, self.before)
        out, social = list[Reaction](), SURFACES[int(asked.surface[0])] in SOCIAL
        for i, (creative, _) in enumerate(shown):
            one = _Chance(float(of_all.looked[i]), float(of_all.wanted[i]), float(of_all.bought[i]), social)
            out += self._one(row, creative, int(ads[i]), moment, one)
            self._told.append(
                {
                    "impression_id": f"{visit_id}:{creative}", "p_click": one.looked * one.wanted, "p_conversion": one.bought,
                    "examination": one.looked, "seen_today": int(of_all.seen[i]), "weariness": float(of_all.weary[i]),
                    "rival_micros": 0, "delay_hours": float(self._world.ads.delay_hours[ads[i]]), "bot": of_all.bot,
                }
            )  # fmt: skip
            self.before.show(user, int(ads[i]), here)
        return sorted(out, key=lambda reaction: reaction.ts)

    def write_truth(self, home: Home) -> None:
        """Puts the truth of what was shown since the day began where evaluation finds it, for a log in which the visit's identity is the
        decision's. Rivals bid for none of it."""
        write_partition(pa.Table.from_pylist(self._told, IMPRESSION_TRUTH), truth_file(home, "impressions", self.day))

    def _asked(self, row: int, at: datetime | None) -> tuple[Requests, datetime]:
        """The request of a row, made at `at`, and that moment."""
        asked, midnight = self._requests.rows(np.array([row])), end_of(self.day) - timedelta(days=1)
        if at is None:
            return asked, self._world.instant(self._number, asked.second)[0].as_py()
        second = min(max((at - midnight).total_seconds(), 0.0), DAY_SECONDS - 1)
        return replace(asked, second=np.array([second])), at

    def _one(self, row: int, creative: str, ad: int, moment: datetime, chance: _Chance) -> list[Reaction]:
        """The events of one shown ad. Its luck depends on the visit and the ad alone: equal in every arm of a comparison."""
        world = self._world
        rng = world.config.rng("reaction", self._number, row, ad)
        glance, liking, buying, waits, kinds = (
            rng.random(),
            rng.random(),
            rng.random(),
            rng.exponential(size=3),
            rng.random(len(engagement.RATES)),
        )
        out = [Reaction("impression", creative, moment)]
        if glance < chance.looked and liking < chance.wanted:
            clicked = moment + timedelta(seconds=0.5 + world.config.laws.click_seconds * waits[0])
            out.append(Reaction("click", creative, clicked))
            if buying < chance.bought:
                later = timedelta(hours=float(world.ads.delay_hours[ad] * waits[1]))
                out.append(Reaction("conversion", creative, clicked + later, int(engagement.value_micros(rng, 1)[0])))
        if chance.social:
            fond = engagement.fondness(np.array(chance.looked * chance.wanted), self._usual)
            for kind, luck in zip(engagement.RATES, kinds, strict=True):
                if luck < engagement.chance(kind, fond):
                    out.append(Reaction(kind, creative, moment + timedelta(seconds=engagement.SECONDS * waits[2])))
        return out

    @cached_property
    def _usual(self) -> float:
        return engagement.usual_p_click(self._world, self._number, self._requests)


@dataclass(frozen=True)
class _Chance:
    """looked: P(examined); wanted: P(click | examined); bought: P(conversion | click); social: it can be liked and hidden."""

    looked: float
    wanted: float
    bought: float
    social: bool
