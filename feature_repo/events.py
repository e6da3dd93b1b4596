"""What happened: the event tables every log is mapped to, simulated and real alike.

A table is a folder of day partitions, `events/<table>/day=YYYY-MM-DD/<source>.parquet`. The day is that of `created_ts`: the
moment the row became known. `ts` is the moment it happened. Nothing computed as of T may read a row with created_ts >= T.
All times are UTC, microseconds. Money is integer micros.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

TIME: Final = pa.timestamp("us", tz="UTC")

ENGAGEMENT_KINDS: Final = (
    "click", "conversion", "like", "comment", "share", "hide", "report",
    "video_25", "video_50", "video_75", "video_100",
)  # fmt: skip
BILLABLE_KINDS: Final = ("impression", "click", "conversion")

_KNOWN: Final = [("ts", TIME), ("created_ts", TIME), ("source", pa.string())]
"""When it happened, when it became known, and which log it came from (`simulator`, `talkingdata`, `serving`, ...)."""

_CONTEXT: Final = [
    ("user_id", pa.string()),
    ("surface", pa.string()),
    ("placement_id", pa.string()),
    ("device", pa.string()),  # taxonomy.DEVICES, or the log's own code
    ("os", pa.string()),
    ("region", pa.string()),
    ("language", pa.string()),
    ("query_id", pa.string()),
]  # what was known of the asker at request time; "" where a log does not tell
_AD: Final = [("creative_id", pa.string()), ("campaign_id", pa.string()), ("advertiser_id", pa.string())]

DECISION: Final = pa.schema(
    [
        ("decision_id", pa.string()),
        *_KNOWN,
        *_CONTEXT,
        ("policy", pa.string()),  # which ranker and version decided
        ("candidates", pa.int32()),
        ("shown", pa.int32()),
    ]
)
IMPRESSION: Final = pa.schema(
    [
        ("impression_id", pa.string()),
        ("decision_id", pa.string()),
        *_KNOWN,
        *_CONTEXT,
        *_AD,
        ("position", pa.int16()),  # 1 is the first
        (
            "propensity",
            pa.float64(),
        ),  # P(this ad at this position | request) under the logging policy; null when not logged
        ("explored", pa.bool_()),  # the placement was drawn at random
        ("bid_micros", pa.int64()),
        ("price_micros", pa.int64()),
    ]
)
ENGAGEMENT: Final = pa.schema(
    [
        ("event_id", pa.string()),
        ("kind", pa.string()),  # ENGAGEMENT_KINDS
        ("impression_id", pa.string()),  # null when the log holds no impressions
        ("cause_id", pa.string()),  # the event it follows: a click's impression, a conversion's click
        *_KNOWN,
        *_CONTEXT,
        *_AD,
        ("position", pa.int16()),
        ("value_micros", pa.int64()),
    ]
)
ACTIVITY: Final = pa.schema(
    [
        ("event_id", pa.string()),
        *_KNOWN,
        ("user_id", pa.string()),
        ("action", pa.string()),  # view, like, share, comment
        ("item_id", pa.string()),
        ("category", pa.string()),  # taxonomy.CATEGORIES
        ("dwell_ms", pa.int32()),
    ]
)
QUERY: Final = pa.schema(
    [
        ("query_id", pa.string()),
        *_KNOWN,
        ("user_id", pa.string()),
        ("text", pa.string()),
        ("device", pa.string()),
        ("region", pa.string()),
        ("language", pa.string()),
    ]
)
USER: Final = pa.schema(
    [
        ("user_id", pa.string()),
        *_KNOWN,
        ("age_band", pa.string()),
        ("gender", pa.string()),
        ("region", pa.string()),
        ("language", pa.string()),
        ("device", pa.string()),
        ("os", pa.string()),
    ]
)
FRIENDSHIP: Final = pa.schema([*_KNOWN, ("user_id", pa.string()), ("friend_id", pa.string())])
SHOWN_TEXT: Final = pa.schema(
    [
        ("impression_id", pa.string()),
        *_KNOWN,
        ("choice", pa.int16()),  # which of a responsive creative's combinations of texts was shown; 0 is its own first ones
        ("choices", pa.int16()),  # combinations there were
        ("propensity", pa.float64()),  # P(this combination | the ad is shown)
    ]
)
AFFINITY: Final = pa.schema(
    [
        ("impression_id", pa.string()),
        *_KNOWN,
        ("user_id", pa.string()),
        ("creative_id", pa.string()),
        ("affinity", pa.float32()),  # how much the user was known to like the ad at the time, in the log's own unit; never 0
    ]
)

EVENTS: Final = {
    "decisions": DECISION,
    "impressions": IMPRESSION,
    "engagements": ENGAGEMENT,
    "activity": ACTIVITY,
    "queries": QUERY,
    "users": USER,
    "friendships": FRIENDSHIP,
    "affinities": AFFINITY,
    "shown_texts": SHOWN_TEXT,
}
KEYS: Final = {
    "decisions": "decision_id",
    "impressions": "impression_id",
    "engagements": "event_id",
    "activity": "event_id",
    "queries": "query_id",
    "users": "user_id",
    "shown_texts": "impression_id",
}
"""The column that makes a row itself; a second row with the same key is a duplicate (users: an update, the later wins)."""
