"""How ads shown for a query have done: what is searched for often enough says by itself how likely a click is.

A query is known by its words' stems in order (text.query_key), so that case, punctuation and endings do not part it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from feature_repo.slots import HIGHEST_COEC, coec, with_expected_clicks
from feature_repo.table import Feature, FeatureTable

if TYPE_CHECKING:
    import ibis.expr.types as ir

PRIOR_EXPECTED_CLICKS: Final = 2.0


def build(tables: Mapping[str, ir.Table], as_of: datetime) -> ir.Table:
    """One row a query that an ad was shown for within the window."""
    impressions, engagements, queries, keys = (tables[n] for n in QUERY_PERFORMANCE.reads)
    asked = queries.select(asked="query_id", text="text").inner_join(keys, "text").filter(lambda t: t.query_key != "")
    asked = asked.select("asked", "query_key")
    clicks = engagements.filter(engagements.kind == "click")
    shown = with_expected_clicks(impressions, clicks)
    shown = shown.select("query_id", "billionths").inner_join(asked, [("query_id", "asked")])
    shown = shown.group_by("query_key").aggregate(expected=shown.billionths.sum(), n=shown.count())
    clicked = clicks.select("query_id").inner_join(asked, [("query_id", "asked")])
    clicked = clicked.group_by(of_key="query_key").aggregate(c=clicked.count())
    t = shown.left_join(clicked, shown.query_key == clicked.of_key).mutate(c=lambda t: t.c.coalesce(0))
    return t.select(
        query_key=t.query_key,
        query_coec_30d=coec(t.c, t.expected, PRIOR_EXPECTED_CLICKS, 1.0).cast("float32"),
        query_impressions_30d=t.n.cast("float32"),
    )


QUERY_PERFORMANCE: Final = FeatureTable(
    name="query_performance",
    entity="query_key",
    features=(
        Feature("query_coec_30d", "float32", default=1.0, low=0, high=HIGHEST_COEC, unit="clicks / expected clicks"),
        Feature("query_impressions_30d", "float32", low=0, unit="impressions"),
    ),
    reads=("impressions", "engagements", "queries", "query_keys"),
    window_days=30,
    max_age=timedelta(days=3),
    build=build,
)
