"""From the inventory's numbers to the catalogue tables: the rows that appear on one day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.catalog import AD_GROUP, ADVERTISER, CAMPAIGN, CREATIVE, ITEM, KEYWORD, LANDING_PAGE, PLACEMENT
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, DEVICES, GENDERS, OBJECTIVES, SURFACES
from pipelines.market.columns import fill, numbered, word
from pipelines.market.config import SOURCE
from pipelines.market.inventory import FLOOR_MICROS, FOREVER, POLICY, SLOTS, STATUS
from pipelines.market.population import Ints
from pipelines.market.words import CALLS, CLOSINGS, LANGUAGES, OPENINGS, PITCHES, REGIONS, WORDS
from pipelines.market.world import World

IMAGES = "catalog/images"


def _named(masks: NDArray[np.bool_], words: Sequence[str]) -> list[list[str]]:
    """The words each row's mask names; all of them is written as none, which means everyone."""
    return [[] if mask.all() else [w for w, on in zip(words, mask, strict=True) if on] for mask in masks]


class Listings:
    """The catalogue rows created or changed on one day.

    creatives: those that appear; campaigns and reviewed: those with a new row, also when only their state changed.
    """

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number = world, number
        self.live = world.live(number)
        ads, before = world.ads, world.live(number - 1)
        changed = (self.live.status != before.status) | (self.live.bid_micros != before.bid_micros)
        self.campaigns = np.flatnonzero((ads.announced == number) | (changed & (ads.announced < number)))
        self.groups = np.flatnonzero(ads.announced[ads.group_campaign] == number)
        self.creatives = np.flatnonzero(ads.live_from == number)
        self.reviewed = np.flatnonzero((ads.live_from == number) | ((self.live.policy != before.policy) & (ads.live_from < number)))
        self.when = self.midnight(number)

    def midnight(self, number: int) -> datetime:
        return datetime.combine(self.world.config.first, datetime.min.time(), UTC) + timedelta(days=number)

    def known(self, n: int) -> dict[str, Any]:
        return {"created_ts": [self.when] * n, "source": SOURCE}

    def _terms(self, creative: Ints, salt: str, count: int) -> list[list[str]]:
        """`count` words of the creative's topic each, the same for a creative on any day."""
        rng = self.world.config.rng("words", salt)
        draws = rng.integers(0, 1 << 30, (len(self.world.ads.category), count))[creative]
        topics = [WORDS[CATEGORIES[c]] for c in self.world.ads.category[creative]]
        return [[words[d % len(words)] for d in row] for words, row in zip(topics, draws, strict=True)]

    def advertisers(self) -> pa.Table:
        ads = self.world.ads
        rows = np.arange(len(ads.advertiser_category)) if self.number == 0 else np.empty(0, np.int64)
        topics = [CATEGORIES[c] for c in ads.advertiser_category[rows]]
        return fill(
            ADVERTISER, len(rows),
            {
                **self.known(len(rows)), "advertiser_id": numbered("a", rows), "category": topics,
                "name": [f"{t.replace('-', ' ').title()} House {r}" for r, t in zip(rows, topics, strict=True)],
                "domain": [f"{t}-{r}.example" for r, t in zip(rows, topics, strict=True)],
            },
        )  # fmt: skip

    def campaigns_table(self) -> pa.Table:
        ads, rows = self.world.ads, self.campaigns
        return fill(
            CAMPAIGN, len(rows),
            {
                **self.known(len(rows)), "campaign_id": numbered("k", rows),
                "advertiser_id": numbered("a", ads.campaign_advertiser[rows]), "status": word(STATUS, self.live.status[rows]),
                "objective": word(OBJECTIVES, ads.objective[rows]), "bid_micros": self.live.bid_micros[rows],
                "daily_budget_micros": ads.budget_micros[rows],
                "start_ts": [self.midnight(int(d)) for d in ads.starts[rows]],
                "end_ts": [None if d == FOREVER else self.midnight(int(d)) for d in ads.ends[rows]],
                "hours": [[] if h.all() else np.flatnonzero(h).tolist() for h in ads.hours[rows]],
                "surfaces": _named(ads.on_surface[rows], SURFACES), "regions": _named(ads.in_region[rows], REGIONS),
                "languages": _named(ads.in_language[rows], LANGUAGES), "devices": _named(ads.on_device[rows], DEVICES),
                "age_bands": _named(ads.of_age[rows], AGE_BANDS), "genders": _named(ads.of_gender[rows], GENDERS),
                "frequency_cap": ads.frequency_cap[rows],
            },
        )  # fmt: skip

    def ad_groups(self) -> pa.Table:
        ads, rows = self.world.ads, self.groups
        return fill(
            AD_GROUP, len(rows),
            {
                **self.known(len(rows)), "ad_group_id": numbered("g", rows),
                "campaign_id": numbered("k", ads.group_campaign[rows]), "name": numbered("group ", rows),
            },
        )  # fmt: skip

    def creatives_table(self) -> pa.Table:
        return self._creatives(self.reviewed)

    def _creatives(self, rows: Ints) -> pa.Table:
        ads = self.world.ads
        n, campaign = len(rows), ads.creative_campaign[rows]
        owner = ads.campaign_advertiser[campaign]
        terms = self._terms(rows, "headline", 4)
        pick = self.world.config.rng("phrases").integers(0, 1 << 30, (len(ads.category), 2))[rows]
        images = [f"{IMAGES}/c{r}.png" for r in rows] if self.world.config.images else [""] * n
        return fill(
            CREATIVE, n,
            {
                **self.known(n), "creative_id": numbered("c", rows), "ad_group_id": numbered("g", ads.creative_group[rows]),
                "campaign_id": numbered("k", campaign), "advertiser_id": numbered("a", ads.campaign_advertiser[campaign]),
                "category": word(CATEGORIES, ads.category[rows]), "language": word(LANGUAGES, ads.language[rows]),
                "headline": [f"{OPENINGS[p[0] % len(OPENINGS)]} {t[0]}" for p, t in zip(pick, terms, strict=True)],
                "description": [
                    f"{t[1].capitalize()} and {t[2]} {CLOSINGS[p[1] % len(CLOSINGS)]}" for p, t in zip(pick, terms, strict=True)
                ],
                "call_to_action": word(CALLS, ads.call[rows]), "image_path": images,
                "landing_url": [
                    f"https://{CATEGORIES[c]}-{a}.example/{r}"
                    for r, c, a in zip(rows, ads.advertiser_category[owner], owner, strict=True)
                ],
                "video_seconds": pa.array(ads.video_seconds[rows], pa.float32(), from_pandas=True),
                "policy_status": word(POLICY, self.live.policy[rows]),
            },
        )  # fmt: skip

    def keywords(self) -> pa.Table:
        """The words of an ad group's topic, two positive and now and then a negative one."""
        ads = self.world.ads
        rows = self.groups
        first = np.searchsorted(ads.creative_group, rows)
        ids: list[str] = []
        texts: list[str] = []
        for r, terms in zip(rows, self._terms(first, "keywords", 3), strict=True):
            for j, term in enumerate(terms if r % 4 == 0 else terms[:2]):
                ids.append(f"w{r}-{j}")
                texts.append(term)
        negative = [i.endswith("-2") for i in ids]
        groups = [f"g{i[1:].split('-')[0]}" for i in ids]
        kinds = [("exact", "phrase", "broad")[int(i[1:].split("-")[0]) % 3] for i in ids]
        bids = [int(self.live.bid_micros[ads.group_campaign[int(g[1:])]]) for g in groups]
        return fill(
            KEYWORD, len(ids),
            {
                **self.known(len(ids)), "keyword_id": ids, "ad_group_id": groups,
                "campaign_id": numbered("k", ads.group_campaign[[int(g[1:]) for g in groups]]), "text": texts, "match_type": kinds,
                "negative": negative, "bid_micros": bids,
            },
        )  # fmt: skip

    def landing_pages(self) -> pa.Table:
        """A page repeats its ad's promise, then says in a few sentences what there is of its topic."""
        creatives = self._creatives(self.creatives)
        owner = self.world.ads.campaign_advertiser[self.world.ads.creative_campaign[self.creatives]]
        texts = []
        for r, a, d, t in zip(
            self.creatives, owner, creatives["description"].to_pylist(), self._terms(self.creatives, "pages", 12), strict=True
        ):
            said = [PITCHES[(r + i) % len(PITCHES)].format(t[2 * i], t[2 * i + 1]) for i in range(3 + r % 4)]
            texts.append(f"{d}. {' '.join(said)} House {a} since {1950 + (a * 7) % 70}.")
        return fill(
            LANDING_PAGE, len(creatives),
            {
                **self.known(len(creatives)), "landing_url": creatives["landing_url"], "title": creatives["headline"],
                "text": texts,
            },
        )  # fmt: skip

    def placements(self) -> pa.Table:
        n = len(SURFACES) if self.number == 0 else 0
        return fill(
            PLACEMENT, n,
            {
                **self.known(n), "placement_id": [f"{s}-main" for s in SURFACES[:n]], "surface": list(SURFACES[:n]),
                "slots": [SLOTS[s] for s in SURFACES[:n]], "floor_micros": [FLOOR_MICROS[s] for s in SURFACES[:n]],
            },
        )  # fmt: skip

    def items(self) -> pa.Table:
        per_topic = self.world.items_per_topic
        n = len(CATEGORIES) * per_topic if self.number == 0 else 0
        rows = np.arange(per_topic, n) if n else np.empty(0, np.int64)
        topic = rows // per_topic
        names = [WORDS[CATEGORIES[t]][r % len(WORDS[CATEGORIES[t]])] for r, t in zip(rows, topic, strict=True)]
        return fill(
            ITEM, len(rows),
            {
                **self.known(len(rows)), "item_id": numbered("o", rows), "category": word(CATEGORIES, topic),
                "title": [f"On {n}" for n in names], "language": word(LANGUAGES, rows % len(LANGUAGES)),
                "brand_risk": word(("low", "medium", "high"), (rows % 20 == 0).astype(np.int64) + (rows % 100 == 0)),
            },
        )  # fmt: skip

    def tables(self) -> dict[str, pa.Table]:
        return {
            "advertisers": self.advertisers(), "campaigns": self.campaigns_table(), "ad_groups": self.ad_groups(),
            "creatives": self.creatives_table(), "keywords": self.keywords(), "landing_pages": self.landing_pages(),
            "placements": self.placements(), "items": self.items(),
        }  # fmt: skip
