"""What an ad says and looks like: text, picture, call to action, age, landing page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from feature_repo.instants import seconds
from feature_repo.table import Feature, FeatureTable

if TYPE_CHECKING:
    import ibis.expr.types as ir

IMAGE_STATS: Final = ("brightness", "contrast", "saturation", "hue", "edges")
"""What pipelines/creatives/images.py measures of each picture, all in [0, 1]."""
IMAGE: Final = ("has_image", *(f"image_{s}" for s in IMAGE_STATS))
"""The features of the picture."""


def build(tables: Mapping[str, ir.Table], as_of: datetime) -> ir.Table:
    """One row a creative known before `as_of`; text statistics are counts of characters and white-space-separated words."""
    import ibis

    creatives, pages, campaigns, images = (tables[n] for n in AD_CREATIVE.reads)
    t = (
        creatives.left_join(pages.select("landing_url", page_text="text"), "landing_url")
        .left_join(campaigns.select("campaign_id", aimed=campaigns.regions.length() > 0), "campaign_id")
        .left_join(images, creatives.image_path == images.picture)
    )  # fmt: skip

    def words(text: ir.StringValue) -> ir.NumericValue:
        trimmed = text.coalesce("").strip()
        return ibis.ifelse(trimmed == "", 0, trimmed.re_replace(r"[^\s]", "").length() + 1).cast("float32")

    text = t.headline.coalesce("") + " " + t.description.coalesce("")
    return t.select(
        creative_id=t.creative_id,
        headline_chars=t.headline.coalesce("").length().cast("float32"),
        headline_words=words(t.headline),
        description_words=words(t.description),
        text_has_number=text.re_search(r"[0-9]").cast("int32"),
        text_has_question=text.contains("?").cast("int32"),
        call_words=words(t.call_to_action),
        ad_call=t.call_to_action.coalesce(""),
        video_length=t.video_seconds.coalesce(0.0).cast("float32"),
        has_image=t.picture.notnull().cast("int32"),
        **{f"image_{s}": t[s].coalesce(0.5).cast("float32") for s in IMAGE_STATS},
        landing_words=words(t.page_text),
        has_landing_page=t.page_text.notnull().cast("int32"),
        ad_category=t.category.coalesce("unknown"),
        ad_language=t.language.coalesce(""),
        region_targeted=t.aimed.coalesce(False).cast("int32"),
        launched_at=seconds(t.created_ts).cast("int64"),
    )


AD_CREATIVE: Final = FeatureTable(
    name="ad_creative",
    entity="creative_id",
    features=(
        Feature("headline_chars", "float32", low=0, unit="characters"),
        Feature("headline_words", "float32", low=0, unit="words"),
        Feature("description_words", "float32", low=0, unit="words"),
        Feature("text_has_number", "int32", default=0, low=0, high=1),
        Feature("text_has_question", "int32", default=0, low=0, high=1),
        Feature("call_words", "float32", low=0, unit="words"),
        Feature("ad_call", "string", default=""),
        Feature("video_length", "float32", low=0, unit="seconds, 0: no video"),
        Feature("has_image", "int32", default=0, low=0, high=1),
        *(Feature(f"image_{s}", "float32", default=0.5, low=0, high=1, unit="share of the range") for s in IMAGE_STATS),
        Feature("landing_words", "float32", low=0, unit="words"),
        Feature("has_landing_page", "int32", default=0, low=0, high=1),
        Feature("ad_category", "string", default="unknown"),
        Feature("ad_language", "string", default=""),
        Feature("region_targeted", "int32", default=0, low=0, high=1, unit="aimed at some regions"),
        Feature("launched_at", "int64", default=0, low=0, unit="seconds since 1970"),
    ),
    reads=("creatives", "landing_pages", "campaigns", "image_stats"),
    window_days=0,
    max_age=timedelta(days=30),
    build=build,
)
