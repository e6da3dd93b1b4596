"""What mapped rows state of users, campaigns, creatives, keywords, placements and pages, each from its moment on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.events import TIME
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES
from pipelines.ingest import neutral
from pipelines.ingest.event_rows import event_rows
from pipelines.ingest.format import ROW, TS, Mapped
from pipelines.ingest.stated import IMPLIED
from pipelines.ingest.table.ads import of_item, own_ads
from pipelines.ingest.table.table_cells import BETWEEN

AGES: Final = (18, 25, 35, 45, 55, 65)
"""Where the bands after the first begin."""
FIRST_AGE: Final = 13


class Descriptions:
    """The rows of one day of a mapped table that describes something. table: what a row is."""

    def __init__(self, table: str, source: str, rows: pa.Table) -> None:
        self.table, self.source, self.n = table, source, len(rows)
        self.rows: dict[str, pa.Array] = {name: rows[name].combine_chunks() for name in rows.column_names}
        self.row = pa.array(np.arange(len(rows)), pa.int64())

    def mapped(self) -> Mapped:
        """What the rows say in the platform's words."""
        of: dict[str, Callable[[], Mapped]] = {
            "users": self._users, "campaigns": self._campaigns, "ad-groups": self._ad_groups, "creatives": self._creatives,
            "keywords": self._keywords,
            "placements": self._placements, "landing-pages": self._landing_pages,
        }  # fmt: skip
        return of[self.table]()

    def _get(self, name: str, otherwise: Any = None) -> Any:
        """A field's cells, with another value where they are empty; that value alone where the mapping has none."""
        cells = self.rows.get(name)
        if cells is None or otherwise is None:
            return otherwise if cells is None else cells
        if pa.types.is_string(cells.type):
            cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)
        return pc.coalesce(cells, otherwise)

    def _list(self, name: str) -> Any:
        cells = self.rows.get(name)
        if cells is None:
            return []
        return pa.array([[word for word in cell.split(BETWEEN) if word] for cell in cells.to_pylist()], pa.list_(pa.string()))

    def _moment(self, name: str, otherwise: Any) -> Any:
        cells = self.rows.get(name)
        if cells is None:
            return otherwise
        return cells.cast(TIME) if otherwise is None else pc.coalesce(cells.cast(TIME), otherwise)

    def _stated(self, name: str, columns: Mapping[str, Any]) -> pa.Table:
        known = {"created_ts": self.rows[TS], "source": self.source}
        return neutral.catalogue_rows(name, self.n, {**known, **columns}).append_column(ROW, self.row)

    def _users(self) -> Mapped:
        told: dict[str, Any] = {name: self._get(name, "") for name in ("gender", "region", "language", "device", "os") if name in self.rows}
        told |= {name: self._get(name, "unknown") for name in ("gender", "device") if name in self.rows}
        if "age" in self.rows:
            told["age_band"] = age_bands(self.rows["age"])
        elif "age_band" in self.rows:
            told["age_band"] = self._get("age_band", AGE_BANDS[0])
        ts = self.rows[TS]
        users = event_rows("users", np.arange(self.n), user_id=self.rows["user"], ts=ts, created_ts=ts, source=self.source, **told)
        return Mapped(stated={"users": users})

    def _campaigns(self) -> Mapped:
        campaign = self.rows["campaign"]
        given = self.rows.get("advertiser")
        advertiser = campaign if given is None else pc.if_else(pc.equal(given, ""), campaign, given)
        objective = self._get("objective", "cpc")
        usual = (
            pa.array([neutral.BID_MICROS.get(word, neutral.BID_MICROS["cpc"]) for word in objective.to_pylist()], pa.int64())
            if isinstance(objective, pa.Array) else neutral.BID_MICROS.get(objective, neutral.BID_MICROS["cpc"])
        )  # fmt: skip
        bid = self.rows.get("bid")
        lists = ("surfaces", "regions", "languages", "devices", "age_bands", "genders")
        campaigns = self._stated("campaigns", {
            "campaign_id": campaign, "advertiser_id": advertiser, "status": self._get("status", "active"), "objective": objective,
            "bid_micros": usual if bid is None else pc.coalesce(bid, usual),
            "daily_budget_micros": self._get("daily_budget", neutral.DAILY_BUDGET_MICROS),
            "start_ts": self._moment("start", self.rows[TS]), "end_ts": self._moment("end", None), "hours": list(range(24)),
            "frequency_cap": self._get("frequency_cap", 0), "bid_adjustments": None, **{name: self._list(name) for name in lists},
        })  # fmt: skip
        named = {"advertiser_name", "domain", "brand", "category"} & {*self.rows}
        advertisers = {
            "advertiser_id": advertiser, "name": self._get("advertiser_name", advertiser), "category": self._get("category", CATEGORIES[0]),
            "domain": self._get("domain", ""), "brand": self._get("brand", ""),
        }  # fmt: skip
        table = self._stated("advertisers", advertisers)
        if named:
            return Mapped(stated={"campaigns": campaigns, "advertisers": table})
        implied = table.drop_columns([ROW])
        source = pa.array([self.source + IMPLIED] * self.n, pa.string())
        return Mapped(stated={"campaigns": campaigns}, implied={"advertisers": implied.set_column(2, implied.schema.field(2), source)})

    def _ad_groups(self) -> Mapped:
        group = self.rows["ad_group"]
        groups = self._stated("ad_groups", {
            "ad_group_id": group, "campaign_id": self.rows["campaign"], "name": self._get("name", group), "bid_micros": self._get("bid", 0),
        })  # fmt: skip
        implied = own_ads({**self.rows, "item": group}, self.source + IMPLIED, "cpc", creatives=False)
        return Mapped(stated={"ad_groups": groups}, implied={name: implied[name] for name in ("campaigns", "advertisers")})

    def _creatives(self) -> Mapped:
        item, campaign, group, advertiser = of_item(self.rows)
        creatives = self._stated("creatives", {
            "creative_id": item, "ad_group_id": group, "campaign_id": campaign, "advertiser_id": advertiser,
            "category": self._get("category", CATEGORIES[0]), "language": self._get("language", ""),
            "headline": self._get("headline", item), "description": self._get("description", ""),
            "headlines": self._list("headlines"), "descriptions": self._list("descriptions"),
            "call_to_action": self._get("call_to_action", ""), "image_path": self._get("image_path", ""),
            "landing_url": self._get("landing_url", ""), "video_seconds": self._get("video_seconds"),
            "policy_status": self._get("policy_status", "approved"),
        })  # fmt: skip
        return Mapped(stated={"creatives": creatives}, implied=own_ads(self.rows, self.source + IMPLIED, "cpc", creatives=False))

    def _keywords(self) -> Mapped:
        group, campaign = self._get("ad_group", ""), self.rows["campaign"]
        match, negative = self._get("match_type", "broad"), self._get("negative", False)
        if "id" in self.rows:
            key = pc.binary_join_element_wise(self.source, self.rows["id"], "-")
        else:  # a word is told apart by where it stands and how it matches
            parts = [cells.to_pylist() if isinstance(cells, pa.Array) else [cells] * self.n for cells in (group, match, negative)]
            said = zip(campaign.to_pylist(), self.rows["text"].to_pylist(), *parts, strict=True)
            texts = ["\x1f".join(map(str, row)) for row in said]
            key = pa.array([f"{self.source}-{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}" for text in texts], pa.string())
        keywords = self._stated("keywords", {
            "keyword_id": key, "ad_group_id": group, "campaign_id": campaign, "text": self.rows["text"], "match_type": match,
            "negative": negative, "bid_micros": self._get("bid", 0),
        })  # fmt: skip
        return Mapped(stated={"keywords": keywords})

    def _placements(self) -> Mapped:
        placements = self._stated("placements", {
            "placement_id": self.rows["placement"], "surface": self._get("surface", neutral.SURFACE),
            "slots": self._get("slots", neutral.SLOTS), "floor_micros": self._get("floor", 0),
        })  # fmt: skip
        return Mapped(stated={"placements": placements})

    def _landing_pages(self) -> Mapped:
        pages = {"landing_url": self.rows["landing_url"], "title": self._get("title", ""), "text": self._get("text", "")}
        return Mapped({"landing_pages": self._stated("landing_pages", pages)})


def age_bands(ages: pa.Array) -> pa.Array:
    """The band of each age in years; unknown where none is given, and below the first band."""
    years = np.asarray(pc.fill_null(ages, -1).to_numpy(zero_copy_only=False), np.int64)
    band = 1 + np.searchsorted(AGES, years, side="right")
    return pa.array(np.array(AGE_BANDS, object)[np.where(years < FIRST_AGE, 0, band)], pa.string())
