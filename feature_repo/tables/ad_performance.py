"""How an ad has done: Beta-smoothed rates by surface and window, each level leaning on the one above it.

ctr_*: clicks per impression. coec_*: clicks over the clicks expected from surface and position alone (slots.py), which does
not credit an ad for good slots. Levels: everything → category → advertiser → campaign → creative.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from feature_repo.instants import instant, seconds
from feature_repo.rates import smoothed
from feature_repo.slots import HIGHEST_COEC, coec, with_expected_clicks
from feature_repo.table import Feature, FeatureTable
from feature_repo.taxonomy import SURFACES

if TYPE_CHECKING:
    import ibis.expr.types as ir

WINDOWS: Final = (1, 7, 30)
LEVELS: Final = ("category", "advertiser_id", "campaign_id", "creative_id")
LEVEL_NAMES: Final = {
    "category": "category",
    "advertiser_id": "advertiser",
    "campaign_id": "campaign",
    "creative_id": "creative",
}
PRIOR_IMPRESSIONS: Final = 200.0
PRIOR_EXPECTED_CLICKS: Final = 4.0
PRIOR_CLICKS: Final = 30.0

HIDE_RATE: Final = "ad_hide_rate_30d"
PERFORMANCE: Final = "creative_coec_30d"
CONVERSION_RATE: Final = "creative_cvr_30d"


def surface_rate(surface: str) -> str:
    """The name of the smoothed click rate on one surface."""
    return f"ctr_{surface}_30d"


def build(tables: Mapping[str, ir.Table], as_of: datetime) -> ir.Table:
    """One row a creative known before `as_of`, whether it has been shown or not."""
    import ibis

    now = seconds(instant(as_of))
    impressions, engagements, creatives = (tables[n] for n in AD_PERFORMANCE.reads)
    known = creatives.select(*LEVELS)

    clicks = engagements.filter(engagements.kind == "click")
    shown = with_expected_clicks(impressions, clicks)
    shown = shown.mutate(age=(now - seconds(shown.ts)).cast("float64") / 86_400.0)
    shown_by = shown.group_by("creative_id").aggregate(
        expected=shown.billionths.sum(),
        **{f"n_{s}": (shown.surface == s).cast("int64").sum() for s in SURFACES},
        **{f"n_{w}": (shown.age <= w).cast("int64").sum() for w in WINDOWS},
    )
    did = engagements.mutate(age=(now - seconds(engagements.ts)).cast("float64") / 86_400.0)
    done_by = did.group_by("creative_id").aggregate(
        **{f"c_{s}": ((did.kind == "click") & (did.surface == s)).cast("int64").sum() for s in SURFACES},
        **{f"c_{w}": ((did.kind == "click") & (did.age <= w)).cast("int64").sum() for w in WINDOWS},
        v=(did.kind == "conversion").cast("int64").sum(),
        hides=did.kind.isin(["hide", "report"]).cast("int64").sum(),
    )
    t = known.left_join(shown_by, "creative_id").drop("creative_id_right").left_join(done_by, "creative_id").drop("creative_id_right")
    counts = [c for c in t.columns if c not in LEVELS]
    t = t.mutate(**{c: t[c].coalesce(0) for c in counts})
    sums = {f"{level}_{c}": t[c].sum().over(group_by=level) for level in LEVELS[:-1] for c in ("expected", "c_30", "v")}
    t = t.mutate(**sums).cross_join(t.aggregate(**{f"all_{c}": t[c].sum() for c in counts}))

    coecs: dict[str, Any] = {}
    cvrs: dict[str, Any] = {}
    over: Any = ibis.literal(1.0)
    cvr: Any = (t.all_v.cast("float64") + 1.0) / (t.all_c_30.cast("float64") + 100.0)
    for level in LEVELS:  # each level's rate is smoothed towards the level above
        prefix = "" if level == "creative_id" else f"{level}_"
        clicked = t[f"{prefix}c_30"]
        over = coecs[LEVEL_NAMES[level]] = coec(clicked, t[f"{prefix}expected"], PRIOR_EXPECTED_CLICKS, over)
        cvr = cvrs[LEVEL_NAMES[level]] = (t[f"{prefix}v"].cast("float64") + PRIOR_CLICKS * cvr) / (clicked.cast("float64") + PRIOR_CLICKS)
    by = {
        **{f"ctr_{s}_30d": smoothed(t[f"c_{s}"], t[f"n_{s}"], t[f"all_c_{s}"], t[f"all_n_{s}"], PRIOR_IMPRESSIONS) for s in SURFACES},
        **{f"ctr_{w}d": smoothed(t[f"c_{w}"], t[f"n_{w}"], t[f"all_c_{w}"], t[f"all_n_{w}"], PRIOR_IMPRESSIONS) for w in WINDOWS},
        **{f"{name}_coec_30d": rate for name, rate in coecs.items()},
        **{f"{name}_cvr_30d": ibis.least(rate, 1.0) for name, rate in cvrs.items()},
        "ad_hide_rate_30d": smoothed(t.hides, t.n_30, t.all_hides, t.all_n_30, PRIOR_IMPRESSIONS),
        "ad_impressions_30d": t.n_30,
        "ad_clicks_30d": t.c_30,
    }
    return t.select(creative_id=t.creative_id, **{name: value.cast("float32") for name, value in by.items()})


AD_PERFORMANCE: Final = FeatureTable(
    name="ad_performance",
    entity="creative_id",
    features=(
        *(Feature(f"ctr_{s}_30d", "float32", default=0.02, low=0, high=1, unit="probability") for s in SURFACES),
        *(Feature(f"ctr_{w}d", "float32", default=0.02, low=0, high=1, unit="probability") for w in WINDOWS),
        *(
            Feature(f"{n}_coec_30d", "float32", default=1.0, low=0, high=HIGHEST_COEC, unit="clicks / expected clicks")
            for n in LEVEL_NAMES.values()
        ),
        *(Feature(f"{n}_cvr_30d", "float32", default=0.05, low=0, high=1, unit="probability") for n in LEVEL_NAMES.values()),
        Feature("ad_hide_rate_30d", "float32", default=0.003, low=0, high=1, unit="per impression"),
        Feature("ad_impressions_30d", "float32", low=0, unit="impressions"),
        Feature("ad_clicks_30d", "float32", low=0, unit="clicks"),
    ),
    reads=("impressions", "engagements", "creatives"),
    window_days=30,
    max_age=timedelta(days=3),
    build=build,
)
