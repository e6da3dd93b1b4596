"""From a day's numbers to the event tables: what a production system would have logged, and no more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.events import ACTIVITY, DECISION, ENGAGEMENT, FRIENDSHIP, IMPRESSION, USER
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, DEVICES, GENDERS, SURFACES
from pipelines.simulator import engagement
from pipelines.simulator.columns import fill, numbered, word
from pipelines.simulator.config import SOURCE
from pipelines.simulator.day import Day
from pipelines.simulator.population import Floats, Ints
from pipelines.simulator.requests import DAY_SECONDS, draw_topic
from pipelines.simulator.truth import DECISION_TRUTH, IMPRESSION_TRUTH
from pipelines.simulator.words import LANGUAGES, OPERATING_SYSTEMS, REGIONS
from pipelines.simulator.world import World

ACTIONS_PER_REQUEST = 8
SYSTEMS = tuple(name for device in DEVICES for name in OPERATING_SYSTEMS.get(device, ("", "")))
"""Two operating systems a device, in order of taxonomy.DEVICES."""


class Log:
    """The tables of one day."""

    def __init__(self, world: World, day: Day) -> None:
        self.world, self.day = world, day
        self.tag = world.tag(day.number)

    def time(self, seconds: Floats) -> pa.Array:
        return self.world.instant(self.day.number, seconds)

    def context(self, request: Ints) -> dict[str, Any]:
        people, day = self.world.people, self.day
        asked = day.requests
        user, surface, device = asked.user[request], asked.surface[request], asked.device[request]
        search = pa.array(surface == 0)
        return {
            "user_id": word(people.ids, user),
            "surface": word(SURFACES, surface),
            "placement_id": word([f"{s}-main" for s in SURFACES], surface),
            "device": word(DEVICES, device),
            "os": word(SYSTEMS, 2 * device + people.brand[user]),
            "region": word(REGIONS, people.region[user]),
            "language": word(LANGUAGES, people.language[user]),
            "query_id": pc.if_else(search, numbered(f"q{self.tag}", request), ""),
            "source": SOURCE,
        }

    def ad(self, creative: Ints) -> dict[str, Any]:
        ads = self.world.ads
        campaign = ads.creative_campaign[creative]
        return {
            "creative_id": numbered("c", creative),
            "campaign_id": numbered("k", campaign),
            "advertiser_id": numbered("a", ads.campaign_advertiser[campaign]),
        }

    def decisions(self) -> pa.Table:
        day = self.day
        n = len(day.requests)
        when = self.time(day.requests.second)
        shown = np.bincount(day.shown_request, minlength=n)
        return fill(
            DECISION, n,
            {
                "decision_id": numbered(f"d{self.tag}", np.arange(n)), "ts": when, "created_ts": when,
                **self.context(np.arange(n)), "policy": "market@1", "candidates": day.eligible, "shown": shown,
            },
        )  # fmt: skip

    def impressions(self) -> pa.Table:
        day = self.day
        n, when = len(day.shown_ad), self.time(day.requests.second[day.shown_request])
        return fill(
            IMPRESSION, n,
            {
                "impression_id": numbered(f"i{self.tag}", np.arange(n)),
                "decision_id": numbered(f"d{self.tag}", day.shown_request), "ts": when, "created_ts": when,
                **self.context(day.shown_request), **self.ad(day.shown_ad), "position": day.shown_position,
                "propensity": day.propensity, "explored": day.explored[day.shown_request],
                "bid_micros": day.bid_micros, "price_micros": day.price_micros,
            },
        )  # fmt: skip

    def _engaged(self, kind: str, prefix: str, rows: Ints, second: Floats, cause: pa.Array, value: Ints | None = None) -> pa.Table:
        day, when = self.day, self.time(second)
        return fill(
            ENGAGEMENT, len(rows),
            {
                "event_id": numbered(f"{prefix}{self.tag}", rows), "kind": kind,
                "impression_id": numbered(f"i{self.tag}", rows), "cause_id": cause, "ts": when, "created_ts": when,
                **self.context(day.shown_request[rows]), **self.ad(day.shown_ad[rows]),
                "position": day.shown_position[rows], "value_micros": np.zeros(len(rows), np.int64) if value is None else value,
            },
        )  # fmt: skip

    def engagements(self) -> pa.Table:
        """Everything that follows this day's impressions, whenever it arrives; the writer splits it by day of arrival."""
        day, config = self.day, self.world.config
        rng = config.rng("engagements", day.number)
        second = day.requests.second[day.shown_request]
        clicked, converted = np.flatnonzero(day.clicked), np.flatnonzero(day.converted)
        click_second = second + day.click_delay
        tables = [
            self._engaged("click", "e", clicked, click_second[clicked], numbered(f"i{self.tag}", clicked)),
            self._engaged(
                "conversion", "v", converted, (click_second + day.conversion_delay)[converted],
                numbered(f"e{self.tag}", converted), engagement.value_micros(rng, len(converted)),
            ),
        ]  # fmt: skip
        social = day.requests.surface[day.shown_request] > 0
        love = engagement.fondness(day.p_click, float(day.p_click.mean()))
        for i, kind in enumerate(engagement.RATES):
            rows = np.flatnonzero(social & (rng.random(len(second)) < engagement.chance(kind, love)))
            moments = second[rows] + rng.exponential(engagement.SECONDS, len(rows))
            tables.append(self._engaged(kind, f"s{i}", rows, moments, numbered(f"i{self.tag}", rows)))
        length = self.world.ads.video_seconds[day.shown_ad]
        watched = rng.random(len(second)) ** (1 / np.clip(love, 0.3, 3))
        for quarter in (25, 50, 75, 100):
            rows = np.flatnonzero(social & (length > 0) & (watched * 130 >= quarter))
            seconds = second[rows] + length[rows] * quarter / 100
            tables.append(self._engaged(f"video_{quarter}", f"w{quarter}", rows, seconds, numbered(f"i{self.tag}", rows)))
        return pa.concat_tables(tables)

    def activity(self) -> pa.Table:
        """Organic actions, some a request on average, on items of categories the user likes, the page at hand among them."""
        day, people = self.day, self.world.people
        rng = self.world.config.rng("activity", day.number)
        request = np.sort(rng.integers(0, len(day.requests), ACTIONS_PER_REQUEST * len(day.requests)))
        user, n = day.requests.user[request], len(request)
        category = draw_topic(self.world, day.number, rng, user)
        reads, alone = np.unique(request, return_index=True)
        paged = alone[day.requests.page[reads] > 0]
        category[paged] = day.requests.page[request[paged]]
        per_topic = self.world.items_per_topic
        item = category * per_topic + (rng.power(0.4, n) * per_topic).astype(np.int64)
        second = np.minimum(day.requests.second[request] + rng.exponential(120, n), DAY_SECONDS - 1)
        when = self.time(second)
        return fill(
            ACTIVITY, n,
            {
                "event_id": numbered(f"o{self.tag}", np.arange(n)), "ts": when, "created_ts": when, "source": SOURCE,
                "user_id": word(people.ids, user),
                "action": word(("view", "like", "share", "comment"), rng.choice(4, n, p=[0.88, 0.08, 0.02, 0.02])),
                "item_id": numbered("o", item), "category": word(CATEGORIES, category),
                "dwell_ms": rng.lognormal(9, 0.8, n).astype(np.int32),
            },
        )  # fmt: skip

    def users(self) -> pa.Table:
        """Those who join, known from their first request on; on the first day those who were always there."""
        people, day = self.world.people, self.day
        rows = np.flatnonzero(people.joined == day.number)
        first = np.full(len(people.joined), DAY_SECONDS - 1)
        np.minimum.at(first, day.requests.user, day.requests.second)
        when = self.time(first[rows] if day.number else np.zeros(len(rows)))
        return fill(
            USER, len(rows),
            {
                "user_id": word(people.ids, rows), "ts": when, "created_ts": when, "source": SOURCE,
                "age_band": word(AGE_BANDS, people.age[rows]), "gender": word(GENDERS, people.gender[rows]),
                "region": word(REGIONS, people.region[rows]), "language": word(LANGUAGES, people.language[rows]),
                "device": word(DEVICES, people.device[rows]),
                "os": word(SYSTEMS, 2 * people.device[rows] + people.brand[rows]),
            },
        )  # fmt: skip

    def friendships(self) -> pa.Table:
        """An edge appears when the later of its two people joins."""
        people = self.world.people
        edges = people.friends[people.joined[people.friends].max(axis=1) == self.day.number]
        when = self.time(np.zeros(len(edges)))
        return fill(
            FRIENDSHIP, len(edges),
            {
                "ts": when, "created_ts": when, "source": SOURCE,
                "user_id": word(people.ids, edges[:, 0]), "friend_id": word(people.ids, edges[:, 1]),
            },
        )  # fmt: skip

    def truth(self) -> pa.Table:
        day, n = self.day, len(self.day.shown_ad)
        return fill(
            IMPRESSION_TRUTH, n,
            {
                "impression_id": numbered(f"i{self.tag}", np.arange(n)), "p_click": day.p_click,
                "p_conversion": day.p_conversion, "examination": day.examination, "seen_today": day.seen_today,
                "weariness": day.weariness,
                "delay_hours": self.world.ads.delay_hours[day.shown_ad],
                "bot": self.world.people.bot[day.requests.user[day.shown_request]],
                "rival_micros": day.rival_micros[day.shown_request].astype(np.int64),
            },
        )  # fmt: skip

    def decision_truth(self) -> pa.Table:
        day, n = self.day, len(self.day.requests)
        return fill(
            DECISION_TRUTH, n,
            {
                "decision_id": numbered(f"d{self.tag}", np.arange(n)), "rival_micros": day.rival_micros.astype(np.int64),
                "bot": self.world.people.bot[day.requests.user],
            },
        )  # fmt: skip
