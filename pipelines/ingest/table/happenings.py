"""Events that mapped rows tell of: an impression and what came of it, a click, a search, and the users and ads that they imply.

A row is itself by its id, where the mapping names one; otherwise by all that it says but the outcome, and its ordinal among rows alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.events import TIME
from feature_repo.taxonomy import CATEGORIES
from pipelines.ingest import neutral
from pipelines.ingest.event_rows import event_rows
from pipelines.ingest.format import ROW, TS, Mapped
from pipelines.ingest.ordinals import ordinals
from pipelines.ingest.table.ads import first_of, of_item, own_ads

OUTCOME: Final = ("clicked", "clicked_at", "converted", "converted_at", "value", "price", "bid", "propensity")
"""What a row tells beside what happened: it may be corrected, and the row stays the same. The first of them decides first."""
CONTEXT: Final = ("user", "surface", "placement", "device", "os", "region", "language")
LAST: Final = np.iinfo(np.int64).max


def _words(*parts: pa.Array | str, by: str = "-") -> pa.Array:
    return pc.binary_join_element_wise(*parts, by)


class Happenings:
    """The rows of one day of a mapped table of events. table: what a row is."""

    def __init__(self, table: str, source: str, rows: pa.Table) -> None:
        self.table, self.source = table, source
        self.rows: dict[str, pa.Array] = {name: rows[name].combine_chunks() for name in rows.column_names}
        self.everyone = np.arange(len(rows))
        self.ts = self.rows[TS]

    def mapped(self) -> Mapped:
        """What the rows say in the platform's words."""
        of: dict[str, Callable[[], dict[str, pa.Table]]] = {
            "impressions": self._impressions, "clicks": self._clicks, "conversions": self._conversions,
            "engagements": self._engagements, "activity": self._activity, "queries": self._queries,
        }  # fmt: skip
        events = of[self.table]()
        return Mapped(events, implied=self._implied(), numbered="id" not in self.rows)

    def _get(self, name: str, otherwise: Any = None) -> Any:
        """A field's cells, with another value where they are empty; that value alone where the mapping has none."""
        cells = self.rows.get(name)
        if cells is None:
            return otherwise
        if pa.types.is_string(cells.type):
            cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)
        return cells if otherwise is None else pc.fill_null(cells, otherwise)

    def _keys(self, word: str = "") -> pa.Array:
        head = f"{self.source}-{word}" if word else self.source
        if "id" in self.rows:
            return _words(head, self.rows["id"])
        said = [name for name in sorted(self.rows) if name not in OUTCOME]
        texts = [pc.fill_null(self.rows[name].cast(pa.int64() if name == TS else pa.string()).cast(pa.string()), "") for name in said]
        joined = _words(self.table, *texts, by="\x1f").to_pylist()
        content = pa.array([f"{head}-{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}" for text in joined], pa.string())
        return _words(content, ordinals(content, [self._told(name) for name in OUTCOME if name in self.rows]))

    def _told(self, name: str) -> NDArray[Any]:
        """An outcome as numbers of which the smaller comes first: what happened before what did not."""
        cells = self.rows[name]
        if pa.types.is_boolean(cells.type):
            return ~np.asarray(cells.to_numpy(zero_copy_only=False), bool)
        if pa.types.is_floating(cells.type):
            return np.asarray(pc.fill_null(cells, np.inf).to_numpy(), float)
        return np.asarray(pc.fill_null(cells.cast(pa.int64()), LAST).to_numpy())

    def _known(self, ts: pa.Array | None = None) -> dict[str, Any]:
        moment = self.ts if ts is None else ts
        return {TS: moment, "created_ts": moment, "source": self.source}

    def _asked(self) -> dict[str, Any]:
        """Who asked, where and on what."""
        asked = {
            "user_id": self._get("user", ""), "surface": self._get("surface", neutral.SURFACE),
            "device": self._get("device", "unknown"), **{name: self._get(name, "") for name in ("os", "region", "language")},
            "placement_id": self._placement(),
        }  # fmt: skip
        if "query" in self.rows:
            asked["query_id"] = pc.fill_null(_words(self.source, self._get("query")), "")
        return asked

    def _placement(self) -> Any:
        surface = self._get("surface", neutral.SURFACE)
        own = _words(self.source, surface) if isinstance(surface, pa.Array) else f"{self.source}-{surface}"
        given = self._get("placement")
        return own if given is None else pc.coalesce(given, own if isinstance(own, pa.Array) else pa.scalar(own))

    def _ad(self) -> dict[str, Any]:
        item, campaign, _, advertiser = of_item(self.rows)
        return {"creative_id": item, "campaign_id": campaign, "advertiser_id": advertiser}

    def _impressions(self) -> dict[str, pa.Table]:
        key, asked, ad = self._keys(), self._asked(), self._ad()
        decision, decisions = self._decisions(key, asked)
        position = self._get("position")
        impressions = event_rows(
            "impressions", self.everyone, impression_id=key, decision_id=decision, position=position, propensity=self._get("propensity"),
            bid_micros=self._get("bid", 0), price_micros=self._get("price", 0), **self._known(), **asked, **ad,
        )  # fmt: skip
        shared = {**asked, **ad, "position": position, "impression_id": key}
        clicked = self._happened("clicked", "clicked_at")
        click = _words(key, "click")
        click_at = pc.coalesce(self.rows["clicked_at"], self.ts) if "clicked_at" in self.rows else self.ts
        engaged = [self._engagement(clicked, click, "click", click_at, key, shared)] if {"clicked", "clicked_at"} & {*self.rows} else []
        cause = pc.if_else(pa.array(clicked), click, key)
        engaged += self._conversion(_words(key, "conversion"), cause, click_at, shared)
        return {"decisions": decisions, "impressions": impressions} | ({"engagements": pa.concat_tables(engaged)} if engaged else {})

    def _decisions(self, key: pa.Array, asked: dict[str, Any]) -> tuple[pa.Array, pa.Table]:
        """One a request; where the mapping names none, one an impression."""
        own = _words(key, "decision")
        if "request" not in self.rows:
            return own, event_rows("decisions", self.everyone, decision_id=own, policy=self.source, shown=1, **self._known(), **asked)
        decision = pc.coalesce(_words(self.source, self._get("request"), "request"), own)
        frame = pd.DataFrame({"id": decision.to_pandas(), "ts": self.ts.cast(pa.int64()).to_numpy(), "at": self.everyone})
        frame["shown"] = frame.groupby("id")["id"].transform("size")
        first = frame.sort_values(["ts", "id", "at"], kind="stable").drop_duplicates("id")["at"].sort_index().to_numpy()
        take = pa.array(first)
        taken = {name: cells.take(take) if isinstance(cells, pa.Array) else cells for name, cells in (self._known() | asked).items()}
        return decision, event_rows(
            "decisions", first, decision_id=decision.take(take), policy=self.source, shown=frame["shown"].to_numpy()[first], **taken
        )

    def _happened(self, said: str, at: str) -> NDArray[np.bool_]:
        """Whether something came of each row, by a yes or by its time."""
        if said in self.rows:
            return np.asarray(self.rows[said].to_numpy(zero_copy_only=False), bool)
        if at in self.rows:
            return np.asarray(self.rows[at].is_valid().to_numpy(zero_copy_only=False), bool)
        return np.zeros(len(self.everyone), bool)

    def _engagement(
        self, some: NDArray[np.bool_], event: pa.Array, kind: Any, at: pa.Array, cause: Any, shared: dict[str, Any], value: Any = 0
    ) -> pa.Table:
        chosen = pa.array(some)
        columns = {"event_id": event, "kind": kind, "cause_id": cause, "value_micros": value, **self._known(at), **shared}
        return event_rows(
            "engagements", self.everyone[some],
            **{name: cells.filter(chosen) if isinstance(cells, pa.Array) else cells for name, cells in columns.items()},
        )  # fmt: skip

    def _conversion(self, event: pa.Array, cause: pa.Array, after: pa.Array, shared: dict[str, Any]) -> list[pa.Table]:
        """The conversions that followed, known when they came."""
        if not {"converted", "converted_at"} & {*self.rows}:
            return []
        at = pc.coalesce(self.rows["converted_at"], after) if "converted_at" in self.rows else after
        some = self._happened("converted", "converted_at")
        return [self._engagement(some, event, "conversion", at, cause, shared, self._get("value", 0))]

    def _of_another(self, field: str, word: str = "") -> Any:
        """The key of the row of another table of the source that this one follows."""
        given = self._get(field)
        return None if given is None else _words(f"{self.source}-{word}" if word else self.source, given)

    def _shared(self) -> dict[str, Any]:
        return {**self._asked(), **self._ad(), "position": self._get("position"), "impression_id": self._of_another("impression")}

    def _clicks(self) -> dict[str, pa.Table]:
        key, shared = self._keys("click"), self._shared()
        everything = np.ones(len(self.everyone), bool)
        clicks = self._engagement(everything, key, "click", self.ts, shared["impression_id"], shared)
        return {"engagements": pa.concat_tables([clicks, *self._conversion(_words(key, "conversion"), key, self.ts, shared)])}

    def _conversions(self) -> dict[str, pa.Table]:
        shared = self._shared()
        causes = [cause for cause in (self._of_another("click", "click"), shared["impression_id"]) if cause is not None]
        everything = np.ones(len(self.everyone), bool)
        cause = pc.coalesce(*causes) if causes else None
        value = self._get("value", 0)
        return {"engagements": self._engagement(everything, self._keys("conversion"), "conversion", self.ts, cause, shared, value)}

    def _engagements(self) -> dict[str, pa.Table]:
        shared = self._shared()
        everything = np.ones(len(self.everyone), bool)
        key, value = self._keys("engagement"), self._get("value", 0)
        return {"engagements": self._engagement(everything, key, self.rows["kind"], self.ts, shared["impression_id"], shared, value)}

    def _activity(self) -> dict[str, pa.Table]:
        activity = event_rows(
            "activity", self.everyone, event_id=self._keys("activity"), user_id=self.rows["user"], action=self._get("action", "view"),
            item_id=self._get("item", ""), category=self._get("category", CATEGORIES[0]), dwell_ms=self._get("dwell_ms"), **self._known(),
        )  # fmt: skip
        return {"activity": activity}

    def _queries(self) -> dict[str, pa.Table]:
        queries = event_rows(
            "queries", self.everyone, query_id=self._keys(), user_id=self._get("user", ""), text=self.rows["text"],
            device=self._get("device", "unknown"), region=self._get("region", ""), language=self._get("language", ""), **self._known(),
        )  # fmt: skip
        return {"queries": queries}

    def _implied(self) -> dict[str, pa.Table]:
        """Users, ads and placements that there must be, as far as a row tells of them, each from the first row on."""
        source = f"{self.source}-implied"
        implied = {}
        if "user" in self.rows:
            some = np.asarray(pc.not_equal(self.rows["user"], "").to_numpy(zero_copy_only=False), bool)
            some &= first_of(self.rows["user"].to_pandas(), self.ts.to_pandas())
            told = {name: self._get(name, "unknown" if name == "device" else "") for name in ("device", "os", "region", "language")}
            columns = {"user_id": self.rows["user"], **self._known(), **told, "source": source}
            chosen = pa.array(some)
            implied["users"] = event_rows(
                "users", self.everyone[some],
                **{name: cells.filter(chosen) if isinstance(cells, pa.Array) else cells for name, cells in columns.items()},
            )  # fmt: skip
        if self.table in ("activity", "queries"):
            return implied
        implied |= own_ads(self.rows, source, "cpa" if self.table == "conversions" else "cpc")
        surface = self._get("surface", neutral.SURFACE)
        places = pd.DataFrame({"id": self._column(self._placement()), "surface": self._column(surface), "ts": self.ts.to_pandas()})
        places = places.sort_values("ts", kind="stable").drop_duplicates("id")
        implied["placements"] = neutral.catalogue_rows(
            "placements", len(places),
            {"placement_id": pa.array(places["id"], pa.string()), "created_ts": pa.array(places["ts"], TIME), "source": source,
             "surface": pa.array(places["surface"], pa.string()), "slots": neutral.SLOTS, "floor_micros": 0},
        )  # fmt: skip
        return {name: table.drop_columns([ROW]) if ROW in table.column_names else table for name, table in implied.items()}

    def _column(self, cells: Any) -> pd.Series:
        return cells.to_pandas() if isinstance(cells, pa.Array) else pd.Series([cells] * len(self.everyone))
