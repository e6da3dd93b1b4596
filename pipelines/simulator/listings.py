"""From the inventory's numbers to the catalogue tables: the rows that appear on one day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.catalog import AD_GROUP, ADVERTISER, CAMPAIGN, CREATIVE, ITEM, KEYWORD, LANDING_PAGE, PLACEMENT
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, DEVICES, GENDERS, MATCH_TYPES, OBJECTIVES, SURFACES
from pipelines.simulator.columns import fill, numbered, word
from pipelines.simulator.config import SOURCE
from pipelines.simulator.inventory import FLOOR_MICROS, FOREVER, POLICY, PRODUCTS, SLOTS, STATUS, misfiled
from pipelines.simulator.policy import CPC
from pipelines.simulator.population import Ints
from pipelines.simulator.queries import brand_name
from pipelines.simulator.wording import beside, house_name, names
from pipelines.simulator.words import (  # fmt: skip
    BOUGHT_FORMS,
    CALLS,
    CLOSINGS,
    FACTS,
    ITEM_TITLES,
    LANGUAGES,
    OPENINGS,
    PITCHES,
    REFUSED_WORDS,
    REGIONS,
    VAGUE,
    WORDS,
)
from pipelines.simulator.world import World

IMAGES = "catalog/images"
RESPONSIVE, INSERTING, UNFETCHED = 5, 6, 25
"""One ad in so many has several texts, takes in the matched keyword, leads to a page that nobody has fetched."""


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
        """`count` words beside the product in each creative's texts, the same for a creative on any day."""
        rng, shape = self.world.config.rng("words", salt), (len(self.world.ads.category), count)
        kind, draw = rng.random(shape), rng.integers(0, 1 << 30, shape)
        return beside(self.world, self.world.ads.category[creative], kind[creative], draw[creative])

    def _products(self, creative: Ints) -> list[str]:
        ads = self.world.ads
        columns = ads.category[creative], ads.product[creative], ads.group_name[ads.creative_group[creative]]
        return [house_name(c, p, pick) for c, p, pick in zip(*(column.tolist() for column in columns), strict=True)]

    def advertisers(self) -> pa.Table:
        ads = self.world.ads
        rows = np.arange(len(ads.advertiser_category)) if self.number == 0 else np.empty(0, np.int64)
        topics = [CATEGORIES[c] for c in ads.advertiser_category[rows]]
        return fill(
            ADVERTISER, len(rows),
            {
                **self.known(len(rows)), "advertiser_id": numbered("a", rows), "category": topics,
                "name": [f"{t.replace('-', ' ').title()} House {r}" for r, t in zip(rows, topics, strict=True)],
                "brand": [brand_name(int(r)) if ads.branded[r] else "" for r in rows],
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
                "bid_adjustments": [
                    [{"kind": "device", "value": d, "factor": f} for d, f in zip(DEVICES, factors, strict=True) if f != 1]
                    for factors in ads.device_factor[rows].tolist()
                ],
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
        terms = self._terms(rows, "headline", 3)
        products = self._products(rows)
        pick = self.world.config.rng("phrases").integers(0, 1 << 30, (len(ads.category), 5))[rows]
        headlines = [self._headlines(w, p) for w, p in zip(products, pick.tolist(), strict=True)]
        descriptions = [
            [f"{x.capitalize()} and {y} {CLOSINGS[p[3 + i] % len(CLOSINGS)]}" for i, (x, y) in enumerate(((w, t[1]), (w, t[2])))]
            for w, t, p in zip(products, terms, pick.tolist(), strict=True)
        ]
        responsive = pick[:, 2] % RESPONSIVE == 0
        images = [f"{IMAGES}/c{r}.png" for r in rows] if self.world.config.images else [""] * n
        return fill(
            CREATIVE, n,
            {
                **self.known(n), "creative_id": numbered("c", rows), "ad_group_id": numbered("g", ads.creative_group[rows]),
                "campaign_id": numbered("k", campaign), "advertiser_id": numbered("a", ads.campaign_advertiser[campaign]),
                "category": word(CATEGORIES, ads.filed[rows]), "language": word(LANGUAGES, ads.language[rows]),
                "headline": [h[0] for h in headlines], "description": [d[0] for d in descriptions],
                "headlines": [h[1:] if more else [] for h, more in zip(headlines, responsive, strict=True)],
                "descriptions": [d[1:] if more else [] for d, more in zip(descriptions, responsive, strict=True)],
                "call_to_action": word(CALLS, ads.call[rows]), "image_path": images,
                "landing_url": [
                    f"https://{CATEGORIES[c]}-{a}.example/{r}"
                    for r, c, a in zip(rows, ads.advertiser_category[owner], owner, strict=True)
                ],
                "video_seconds": pa.array(ads.video_seconds[rows], pa.float32(), from_pandas=True),
                "policy_status": word(POLICY, self.live.policy[rows]),
            },
        )  # fmt: skip

    @staticmethod
    def _headlines(product: str, pick: list[int]) -> list[str]:
        """The ad's own headline, now and then one that takes in the matched keyword, and two others for a responsive ad."""
        plain = [f"{OPENINGS[pick[j] % len(OPENINGS)]} {product}" for j in (0, 1)]
        inserting = f"{{KeyWord:{product.capitalize()}}} to go"
        return [
            inserting if pick[4] % INSERTING == 0 else plain[0],
            plain[1],
            f"{product.capitalize()}, {CLOSINGS[pick[2] % len(CLOSINGS)]}",
        ]

    def keywords(self) -> pa.Table:
        """What each ad group wants to be found with: its product by one or two of its names, another product of its category, its brand;
        what it does not; and, with a campaign's first row, what the campaign does not."""
        ads = self.world.ads
        rng = self.world.config.rng("keywords")
        draws = rng.integers(0, 1 << 30, (len(ads.group_campaign), 4))[self.groups].tolist()
        found: list[tuple[str, str, int, str, str, bool]] = []
        for g, (form, other, kind, more) in zip(self.groups.tolist(), draws, strict=True):
            campaign, topic, own = int(ads.group_campaign[g]), int(ads.group_category[g]), int(ads.group_product[g])
            product = house_name(topic, own, int(ads.group_name[g]))
            formed = BOUGHT_FORMS[form % len(BOUGHT_FORMS)].format(product)
            bought = [(product, "broad"), (formed, MATCH_TYPES[kind % len(MATCH_TYPES)])]
            bought += [(name, "broad") for name in names(topic, own)[:1] if name != product and more % 2]
            bought.append((house_name(topic, (own + 1 + other % (PRODUCTS - 1)) % PRODUCTS, more), "phrase"))
            advertiser = int(ads.campaign_advertiser[campaign])
            if ads.branded[advertiser]:
                brand = brand_name(advertiser).lower()
                bought += [(brand, "exact"), (f"{brand} {product}", "phrase")]
            found += [(f"w{g}-{j}", f"g{g}", campaign, text, match, False) for j, (text, match) in enumerate(bought)]
            if ads.group_refused[g] >= 0:
                found.append((f"w{g}-no", f"g{g}", campaign, house_name(topic, int(ads.group_refused[g]), 0), "phrase", True))
        for k in np.flatnonzero((ads.announced == self.number) & (ads.refused >= 0)).tolist():
            found.append((f"wk{k}-no", "", k, REFUSED_WORDS[ads.refused[k]], "broad", True))
        ids, groups, owner, texts, kinds, negative = (list(column) for column in zip(*found, strict=True)) if found else ([],) * 6
        campaigns = np.array(owner, np.int64)
        return fill(
            KEYWORD, len(found),
            {
                **self.known(len(found)), "keyword_id": ids, "ad_group_id": groups, "text": texts, "match_type": kinds,
                "campaign_id": numbered("k", campaigns), "negative": negative,
                "bid_micros": np.where(np.array(negative, bool) | (ads.objective[campaigns] != CPC), 0, self.live.bid_micros[campaigns]),
            },
        )  # fmt: skip

    def landing_pages(self) -> pa.Table:
        """A page repeats its ad's promise, then says in some sentences what there is. The better the page, the more it tells of the very
        product; a poor one is short and vague. Some were never fetched."""
        rows = self.creatives[self.creatives % UNFETCHED != UNFETCHED - 1]
        creatives = self._creatives(rows)
        ads = self.world.ads
        owner = ads.campaign_advertiser[ads.creative_campaign[rows]]
        products = self._products(rows)
        good = self.world.config.rng("pages").random((len(ads.page), 8))[rows] < 1 / (1 + np.exp(-1.5 * ads.page[rows, None]))
        texts = []
        for r, a, w, d, t, facts in zip(
            rows, owner, products, creatives["description"].to_pylist(), self._terms(rows, "pages", 12), good.tolist(), strict=True
        ):
            said = [PITCHES[(r + i) % len(PITCHES)].format(t[2 * i], t[2 * i + 1]) for i in range(2 + r % 3)]
            said += [
                FACTS[(r + i) % len(FACTS)].format(w) if fact else VAGUE[(r + i) % len(VAGUE)]
                for i, fact in enumerate(facts)
                if fact or i < 2
            ]
            house = brand_name(int(a)) if ads.branded[a] else f"House {a}"
            texts.append(f"{d}. {' '.join(said)} {house} since {1950 + (a * 7) % 70}.")
        return fill(
            LANDING_PAGE, len(creatives),
            {
                **self.known(len(creatives)), "landing_url": creatives["landing_url"], "text": texts,
                "title": [f"{OPENINGS[r % len(OPENINGS)]} {w}" for r, w in zip(rows.tolist(), products, strict=True)],
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
        rng = self.world.config.rng("items")
        lots = rng.integers(0, 1 << 30, (len(rows), 2)).tolist()
        said = beside(self.world, topic, rng.random((len(rows), 2)), rng.integers(0, 1 << 30, (len(rows), 2)))
        titles = [
            ITEM_TITLES[form % len(ITEM_TITLES)].format(house_name(t, r % len(WORDS[CATEGORIES[t]]), pick), *more)
            for r, t, (form, pick), more in zip(rows.tolist(), topic.tolist(), lots, said, strict=True)
        ]
        return fill(
            ITEM, len(rows),
            {
                **self.known(len(rows)), "item_id": numbered("o", rows), "category": word(CATEGORIES, misfiled(rng, topic)),
                "title": titles, "language": word(LANGUAGES, rows % len(LANGUAGES)),
                "brand_risk": word(("low", "medium", "high"), (rows % 20 == 0).astype(np.int64) + (rows % 100 == 0)),
            },
        )  # fmt: skip

    def tables(self) -> dict[str, pa.Table]:
        return {
            "advertisers": self.advertisers(), "campaigns": self.campaigns_table(), "ad_groups": self.ad_groups(),
            "creatives": self.creatives_table(), "keywords": self.keywords(), "landing_pages": self.landing_pages(),
            "placements": self.placements(), "items": self.items(),
        }  # fmt: skip
