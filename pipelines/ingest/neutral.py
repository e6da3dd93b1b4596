"""Catalogue rows for ads of which a log tells only that they exist.

Logs seldom hold bids, budgets or objectives. So that such ads can still be served and compared, every campaign of a source gets
the same neutral terms: nothing but the predicted outcome then decides their order. The bid is high enough for an average ad to
clear the default reserve; targeting is open, the budget does not bind, there is no frequency cap and no floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from feature_repo.catalog import CATALOG
from feature_repo.taxonomy import CATEGORIES

BID_MICROS: Final = {"cpc": 200_000, "cpa": 50_000_000}
"""0.20 a click, 50 a conversion, in whatever currency the platform runs."""
DAILY_BUDGET_MICROS: Final = 10**12
TARGETING: Final = ("surfaces", "regions", "languages", "devices", "age_bands", "genders")
SLOTS: Final = 3
SURFACE: Final = "proactive"
"""Where a log does not name one of ours: ads shown unasked."""


def catalogue_rows(name: str, rows: int, columns: Mapping[str, Any]) -> pa.Table:
    """A catalogue table of `rows` rows; a column given as one value is repeated."""
    schema = CATALOG[name]
    arrays = []
    for field in schema:
        value = columns[field.name]
        whole = isinstance(value, pa.Array | pa.ChunkedArray)
        arrays.append(value.cast(field.type) if whole else pa.array([value] * rows, field.type))
    return pa.table([a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in arrays], schema=schema)


def advertisers(ids: pa.Array, created: pa.Array, source: str, names: Sequence[str]) -> pa.Table:
    return catalogue_rows(
        "advertisers",
        len(ids),
        {"advertiser_id": ids, "created_ts": created, "source": source, "name": pa.array(names, pa.string()),
         "category": CATEGORIES[0], "domain": "", "brand": ""},
    )  # fmt: skip


def campaigns(ids: pa.Array, advertiser_ids: pa.Array, created: pa.Array, source: str, objective: str) -> pa.Table:
    """Active from the moment each was first seen, open-ended, everywhere, for everyone."""
    everyone: dict[str, Any] = {c: [] for c in TARGETING}
    return catalogue_rows(
        "campaigns",
        len(ids),
        {"campaign_id": ids, "advertiser_id": advertiser_ids, "created_ts": created, "source": source, "status": "active",
         "objective": objective, "bid_micros": BID_MICROS[objective], "daily_budget_micros": DAILY_BUDGET_MICROS,
         "start_ts": created, "end_ts": None, "hours": list(range(24)), "frequency_cap": 0,
         "bid_adjustments": None, **everyone},
    )  # fmt: skip


def ad_groups(ids: pa.Array, campaign_ids: pa.Array, created: pa.Array, source: str, objective: str) -> pa.Table:
    return catalogue_rows(
        "ad_groups",
        len(ids),
        {"ad_group_id": ids, "campaign_id": campaign_ids, "created_ts": created, "source": source, "name": ids,
         "bid_micros": BID_MICROS[objective]},
    )  # fmt: skip


def creatives(
    ids: pa.Array,
    ad_group_ids: pa.Array,
    campaign_ids: pa.Array,
    advertiser_ids: pa.Array,
    created: pa.Array,
    source: str,
    headlines: Sequence[str],
    descriptions: Sequence[str],
) -> pa.Table:
    """Approved creatives without category, language, image, landing page or video."""
    return catalogue_rows(
        "creatives",
        len(ids),
        {"creative_id": ids, "ad_group_id": ad_group_ids, "campaign_id": campaign_ids, "advertiser_id": advertiser_ids,
         "created_ts": created, "source": source, "category": CATEGORIES[0], "language": "",
         "headline": pa.array(headlines, pa.string()), "description": pa.array(descriptions, pa.string()),
         "headlines": [], "descriptions": [],
         "call_to_action": "", "image_path": "", "landing_url": "", "video_seconds": None, "policy_status": "approved"},
    )  # fmt: skip


def placements(ids: Sequence[str], created: datetime, source: str, slots: int = SLOTS) -> pa.Table:
    """Proactive placements without a floor."""
    return catalogue_rows(
        "placements",
        len(ids),
        {"placement_id": pa.array(ids, pa.string()), "created_ts": created, "source": source, "surface": SURFACE,
         "slots": slots, "floor_micros": 0},
    )  # fmt: skip
