"""What can be shown: advertisers down to creatives, kept as an upsert log like the event tables.

`catalog/<table>/day=YYYY-MM-DD/<source>.parquet` holds the rows created or changed that day; the state as of T is, per key,
the row with the latest created_ts < T. Empty targeting lists mean "everyone".
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from feature_repo.events import TIME

_KNOWN: Final = [("created_ts", TIME), ("source", pa.string())]
_STRINGS: Final = pa.list_(pa.string())

ADVERTISER: Final = pa.schema(
    [
        ("advertiser_id", pa.string()),
        *_KNOWN,
        ("name", pa.string()),
        ("category", pa.string()),
        ("domain", pa.string()),
        ("brand", pa.string()),  # a trademark: others' ads never insert it, nor show on searches for it alone; "" for none
    ]
)
ADJUSTMENT: Final = pa.struct([("kind", pa.string()), ("value", pa.string()), ("factor", pa.float64())])
"""The bid times `factor` where a device or region is `value`, or (kind hour) the hour of day, UTC."""
CAMPAIGN: Final = pa.schema(
    [
        ("campaign_id", pa.string()),
        ("advertiser_id", pa.string()),
        *_KNOWN,
        ("status", pa.string()),  # active, paused, ended
        ("objective", pa.string()),  # taxonomy.OBJECTIVES: what is paid for
        ("bid_micros", pa.int64()),  # per click (cpc), per conversion (cpa), per thousand impressions (cpm)
        ("daily_budget_micros", pa.int64()),
        ("start_ts", TIME),
        ("end_ts", TIME),  # null: open-ended
        ("hours", pa.list_(pa.int8())),  # hours of day (UTC) it runs
        ("surfaces", _STRINGS),
        ("regions", _STRINGS),
        ("languages", _STRINGS),
        ("devices", _STRINGS),
        ("age_bands", _STRINGS),
        ("genders", _STRINGS),
        ("frequency_cap", pa.int32()),  # impressions a user and day; 0: none
        ("bid_adjustments", pa.list_(ADJUSTMENT)),  # of different kinds multiply; null or empty: none
    ]
)
AD_GROUP: Final = pa.schema(
    [
        ("ad_group_id", pa.string()),
        ("campaign_id", pa.string()),
        *_KNOWN,
        ("name", pa.string()),
        ("bid_micros", pa.int64()),  # of its ads, as the campaign pays; null or 0: the campaign's
    ]
)
CREATIVE: Final = pa.schema(
    [
        ("creative_id", pa.string()),
        ("ad_group_id", pa.string()),
        ("campaign_id", pa.string()),
        ("advertiser_id", pa.string()),
        *_KNOWN,
        ("category", pa.string()),
        ("language", pa.string()),
        ("headline", pa.string()),  # may hold {keyword:default}
        ("description", pa.string()),
        ("headlines", _STRINGS),  # a responsive creative's other headlines; empty: `headline` alone
        ("descriptions", _STRINGS),
        ("call_to_action", pa.string()),
        ("image_path", pa.string()),  # relative to the platform's home; "" when there is none
        ("landing_url", pa.string()),
        ("video_seconds", pa.float32()),  # null: no video
        ("policy_status", pa.string()),  # approved, limited (not for under-18s), rejected, pending
    ]
)
KEYWORD: Final = pa.schema(
    [
        ("keyword_id", pa.string()),
        ("ad_group_id", pa.string()),  # "" for a negative of the whole campaign
        ("campaign_id", pa.string()),
        *_KNOWN,
        ("text", pa.string()),
        ("match_type", pa.string()),  # taxonomy.MATCH_TYPES
        ("negative", pa.bool_()),
        ("bid_micros", pa.int64()),  # per click; 0: the ad group's
    ]
)
LANDING_PAGE: Final = pa.schema([("landing_url", pa.string()), *_KNOWN, ("title", pa.string()), ("text", pa.string())])
PLACEMENT: Final = pa.schema(
    [
        ("placement_id", pa.string()),
        *_KNOWN,
        ("surface", pa.string()),
        ("slots", pa.int32()),
        ("floor_micros", pa.int64()),  # least eCPM, micros per thousand impressions
    ]
)
ITEM: Final = pa.schema(
    [
        ("item_id", pa.string()),
        *_KNOWN,
        ("category", pa.string()),
        ("title", pa.string()),
        ("language", pa.string()),
        ("brand_risk", pa.string()),  # low, medium, high: how safe it is to stand beside
    ]
)

CATALOG: Final = {
    "advertisers": ADVERTISER,
    "campaigns": CAMPAIGN,
    "ad_groups": AD_GROUP,
    "creatives": CREATIVE,
    "keywords": KEYWORD,
    "landing_pages": LANDING_PAGE,
    "placements": PLACEMENT,
    "items": ITEM,
}
KEYS: Final = {
    "advertisers": "advertiser_id",
    "campaigns": "campaign_id",
    "ad_groups": "ad_group_id",
    "creatives": "creative_id",
    "keywords": "keyword_id",
    "landing_pages": "landing_url",
    "placements": "placement_id",
    "items": "item_id",
}
