"""What a user did last, action by action: organic activity and clicks on ads, as of the day's end, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from feature_repo.identity_codes import HASH_BUCKETS
from feature_repo.instants import instant, seconds
from feature_repo.table import Feature, FeatureTable
from feature_repo.taxonomy import CATEGORIES

if TYPE_CHECKING:
    import ibis.expr.types as ir

ACTIONS: Final = 16
"""How many are kept; a user of fewer has zeros behind them."""
KINDS: Final = ("none", "view", "like", "share", "comment", "click")
"""By number; `none` stands where there is no action."""
OLDEST_DAYS: Final = 31.0


def build(tables: Mapping[str, ir.Table], as_of: datetime) -> ir.Table:
    """One row a user who did anything within the window. Of actions at one instant the smaller event id comes first."""
    import ibis

    activity, engagements, creatives, codes = (tables[n] for n in USER_ACTIONS.reads)
    now = seconds(instant(as_of))
    clicks = engagements.filter(engagements.kind == "click").select("event_id", "user_id", "ts", "creative_id")
    ads = creatives.select(ad="creative_id", category="category")
    clicks = clicks.left_join(ads, clicks.creative_id == ads.ad)
    organic = activity.select("event_id", "user_id", "ts", thing="item_id", category="category", kind="action")
    clicked = clicks.select("event_id", "user_id", "ts", thing="creative_id", category="category", kind=ibis.literal(KINDS[-1]))
    done = organic.union(clicked).filter(lambda t: t.user_id.length() > 0)
    newest = ibis.row_number().over(group_by="user_id", order_by=[ibis.desc("ts"), "event_id"])
    done = done.mutate(place=newest).filter(lambda t: t.place < ACTIONS)
    done = done.left_join(codes, done.thing == codes.thing_id)
    done = done.select(
        "user_id", "place",
        code=done.code.coalesce(0).cast("float32"),
        category=ibis.cases(*((done.category == c, i) for i, c in enumerate(CATEGORIES)), else_=0).cast("float32"),
        kind=ibis.cases(*((done.kind == k, i) for i, k in enumerate(KINDS)), else_=0).cast("float32"),
        age=ibis.least(ibis.greatest(now - seconds(done.ts), 0).cast("float64") / 86_400.0, OLDEST_DAYS).cast("float32"),
    )  # fmt: skip
    # A place each, not a list that is collected in order: that is not the same on every engine.
    fields = ("code", "category", "kind", "age")
    places: dict[str, Any] = {f"{f}{i}": done[f].max(where=done.place == i) for f in fields for i in range(ACTIONS)}
    per_user = done.group_by("user_id").aggregate(**places)

    def listed(field: str) -> ir.ArrayValue:
        return ibis.array([per_user[f"{field}{i}"].coalesce(0.0).cast("float32") for i in range(ACTIONS)])

    return per_user.select(
        "user_id",
        action_codes=listed("code"), action_categories=listed("category"), action_kinds=listed("kind"), action_ages=listed("age"),
    )  # fmt: skip


USER_ACTIONS: Final = FeatureTable(
    name="user_actions",
    entity="user_id",
    features=(
        Feature("action_codes", "vector", width=ACTIONS, low=0, high=HASH_BUCKETS - 1, unit="text.hash_codes of the item or creative"),
        Feature("action_categories", "vector", width=ACTIONS, low=0, high=len(CATEGORIES) - 1, unit="index of CATEGORIES"),
        Feature("action_kinds", "vector", width=ACTIONS, low=0, high=len(KINDS) - 1, unit="index of KINDS"),
        Feature("action_ages", "vector", width=ACTIONS, low=0, high=OLDEST_DAYS, unit="days before the day's end"),
    ),
    reads=("activity", "engagements", "creatives", "thing_codes"),
    window_days=30,
    max_age=timedelta(days=3),
    build=build,
)


def action_columns() -> tuple[str, ...]:
    """Names of the features' elements as a ranker reads them: every place of one feature, then of the next."""
    return tuple(f"{f.name}.{i}" for f in USER_ACTIONS.features for i in range(f.width))
