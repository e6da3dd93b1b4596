"""The closed vocabularies. Open ones (region, language, campaign) are plain strings, hashed where a number is needed."""

from __future__ import annotations

from typing import Final

SURFACES: Final = ("search", "feed", "proactive")
DEVICES: Final = ("unknown", "mobile", "desktop", "tablet", "tv")
AGE_BANDS: Final = ("unknown", "13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS: Final = ("unknown", "female", "male", "other")
INTENTS: Final = ("informational", "navigational", "transactional")
"""What a searcher wants: to know, to reach a certain brand, to buy (Broder 2002)."""
MATCH_TYPES: Final = ("exact", "phrase", "broad")
OBJECTIVES: Final = ("cpc", "cpm", "cpa")

INFORMATIVE_CALLS: Final = frozenset({"learn more", "read more", "find out more", "compare", "read the guide"})
"""Calls to action, normalised, of creatives that inform rather than sell."""

CATEGORIES: Final = (
    "unknown",
    "attractions", "automotive", "books", "business", "careers", "crime", "education", "events",
    "family", "fine-art", "food", "health", "hobbies", "home", "medical", "movies", "music", "news",
    "personal-finance", "pets", "pop-culture", "real-estate", "religion", "science", "shopping",
    "sports", "style", "technology", "television", "travel", "video-gaming",
)  # fmt: skip
"""Tier-1 topics after the IAB Tech Lab Content Taxonomy 3.x, as short slugs; index 0 is the explicit unknown."""

SENSITIVE_CATEGORIES: Final = frozenset({"crime", "medical", "religion"})
"""Topics that need an explicit policy approval before they may be shown."""


def code(vocabulary: tuple[str, ...], value: str | None) -> int:
    """The position of `value` in a closed vocabulary, 0 (unknown, or its first word) when absent."""
    try:
        return vocabulary.index(value) if value is not None else 0
    except ValueError:
        return 0
