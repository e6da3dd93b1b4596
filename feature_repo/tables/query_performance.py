"""How ads shown for a query have done: what is searched for often enough says by itself how likely a click is.

A query is known by its words' stems in order (text.query_key), so that case, punctuation and endings do not part it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from feature_repo.slots import HIGHEST_COEC, coec, with_expected_clicks
from feature_repo.table import Feature, FeatureTable
from feature_repo.taxonomy import CATEGORIES

if TYPE_CHECKING:
    import ibis.expr.types as ir

PRIOR_EXPECTED_CLICKS: Final = 2.0
BY_CATEGORY: Final = "query_category_coec_30d"
"""The vector of how each category's ads do, in the order of taxonomy.CATEGORIES."""


def build(tables: Mapping[str, ir.Table], as_of: datetime) -> ir.Table:
    """One row a query that an ad was shown for within the window. A category's rate leans on the query's, the query's on 1."""
    import ibis

    impressions, engagements, queries, keys, creatives = (tables[n] for n in QUERY_PERFORMANCE.reads)
    asked = queries.select(asked="query_id", text="text").inner_join(keys, "text").filter(lambda t: t.query_key != "")
    asked = asked.select("asked", "query_key")
    about = creatives.select(about="creative_id", category="category")

    def of_queries(rows: ir.Table) -> ir.Table:
        """The rows of searches, with the query's key and the ad's category; what the catalogue does not hold has none."""
        rows = rows.inner_join(asked, rows.query_id == asked.asked)
        return rows.left_join(about, rows.creative_id == about.about)

    clicks = engagements.filter(engagements.kind == "click")
    shown = of_queries(with_expected_clicks(impressions, clicks).select("query_id", "creative_id", "billionths"))
    shown = shown.group_by("query_key").aggregate(
        expected=shown.billionths.sum(), n=shown.count(),
        **{f"e{i}": ibis.ifelse(shown.category == c, shown.billionths, 0).sum() for i, c in enumerate(CATEGORIES)},
    )  # fmt: skip
    clicked = of_queries(clicks.select("query_id", "creative_id"))
    clicked = clicked.group_by(of_key="query_key").aggregate(
        c=clicked.count(), **{f"c{i}": (clicked.category == c).cast("int64").sum() for i, c in enumerate(CATEGORIES)}
    )
    t = shown.left_join(clicked, shown.query_key == clicked.of_key)
    t = t.mutate(over=coec(t.c.coalesce(0), t.expected, PRIOR_EXPECTED_CLICKS, 1.0))
    t = t.mutate(won=ibis.array([t[f"c{i}"].coalesce(0) for i in range(len(CATEGORIES))]))
    by_category = ibis.array([t[f"e{i}"] for i in range(len(CATEGORIES))]).map(
        lambda expected, i: coec(t.won[i], expected, PRIOR_EXPECTED_CLICKS, t.over).cast("float32")
    )
    return t.select(
        query_key=t.query_key,
        query_coec_30d=t.over.cast("float32"),
        query_impressions_30d=t.n.cast("float32"),
        **{BY_CATEGORY: by_category},
    )


QUERY_PERFORMANCE: Final = FeatureTable(
    name="query_performance",
    entity="query_key",
    features=(
        Feature("query_coec_30d", "float32", default=1.0, low=0, high=HIGHEST_COEC, unit="clicks / expected clicks"),
        Feature("query_impressions_30d", "float32", low=0, unit="impressions"),
        Feature(BY_CATEGORY, "vector", default=1.0, low=0, high=HIGHEST_COEC, width=len(CATEGORIES), unit="clicks / expected clicks"),
    ),
    reads=("impressions", "engagements", "queries", "query_keys", "creatives"),
    window_days=30,
    max_age=timedelta(days=3),
    build=build,
)
