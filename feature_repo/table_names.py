"""The tables of a platform by name; `events.py` and `catalog.py` give their columns. It imports nothing, so that who asks for a path
alone starts quickly."""

from __future__ import annotations

from typing import Final

EVENT_TABLES: Final = (
    "decisions", "impressions", "engagements", "activity", "queries", "users", "friendships", "affinities", "shown_texts",
)  # fmt: skip
CATALOG_TABLES: Final = ("advertisers", "campaigns", "ad_groups", "creatives", "keywords", "landing_pages", "placements", "items")
