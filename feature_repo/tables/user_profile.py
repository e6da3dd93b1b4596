"""Who a user is and what the last 30 days say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from feature_repo.engine_function import engine_function
from feature_repo.instants import instant, seconds
from feature_repo.rates import smoothed
from feature_repo.slots import HIGHEST_COEC, coec, with_expected_clicks
from feature_repo.table import Feature, FeatureTable
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, GENDERS

if TYPE_CHECKING:
    import ibis.expr.types as ir

DAY: Final = 86_400
"""Seconds."""
HALF_LIFE_DAYS: Final = 14.0
"""An action counts half after two weeks."""
INTEREST_PRIOR: Final = 8.0
"""Decayed actions' worth of the average user's interests that everyone starts with."""
RATE_PRIOR: Final = 100.0
"""Impressions' worth of the average user's rate that everyone starts with."""
MILLIONTHS: Final = 1_000_000.0
ACTION_WEIGHT: Final = {"view": 1.0, "like": 2.0, "share": 2.0, "comment": 2.0}
EXPECTED_CLICKS_PRIOR: Final = 4.0
"""Expected clicks' worth of average responsiveness that everyone starts with."""

AGE_CODE: Final = "user_age_code"
GENDER_CODE: Final = "user_gender_code"


def day_bit(ts: ir.IntegerValue, now: ir.IntegerValue) -> ir.IntegerValue:
    """One bit for the day (UTC) that a moment fell on, both in seconds: DuckDB counts the bits of an OR three times as fast as
    distinct dates. What was told later than two months after it counts as the oldest day."""
    import ibis

    ago = ibis.greatest(now // DAY - ts // DAY, 0)
    return (ibis.literal(2.0) ** ibis.least(ago, 62)).cast("int64")  # Ibis has no shift for Spark


def days(bits: ir.IntegerValue) -> ir.IntegerValue:
    """How many days the rows of a group fell on. DuckDB and Spark call both functions the same; Ibis has not both for Spark."""
    merged = engine_function("bit_or", "int64", "int64", aggregate=True)(bits)
    return engine_function("bit_count", "int64", "int32")(merged)


def build(tables: Mapping[str, ir.Table], as_of: datetime) -> ir.Table:
    """One row a user known before `as_of`. Interests: time-decayed shares of organic actions by category (Laplace-smoothed
    towards everyone's); rates: Beta-smoothed towards everyone's."""
    import ibis

    now = seconds(instant(as_of))
    activity, impressions, engagements, users = (tables[n] for n in USER_PROFILE.reads)

    act = activity.mutate(at=seconds(activity.ts))
    act = act.mutate(age=ibis.greatest(now - act.at, 0).cast("float64") / 86_400.0, on=day_bit(act.at, now))
    weight = ibis.cases(*((act.action == a, w) for a, w in ACTION_WEIGHT.items()), else_=1.0)
    decayed = weight * (act.age * (-0.693147 / HALF_LIFE_DAYS)).exp()
    # Whole millionths: integer sums are the same whatever order an engine adds them in.
    act = act.mutate(w=(decayed * MILLIONTHS).round().cast("int64"))

    def where(part: ir.BooleanValue) -> ir.IntegerValue:
        """The weight of some of the actions. A case, since DuckDB takes half as long again over a filter clause for each of 63 sums."""
        return ibis.ifelse(part, act.w, None).sum()

    sums: dict[str, Any] = {f"k{i}": where(act.category == c) for i, c in enumerate(CATEGORIES)}
    hours = {f"h{i}": where(act.ts.hour() == i) for i in range(24)}
    week = {f"d{i}": where(act.ts.day_of_week.index() == i) for i in range(7)}
    per_user = act.group_by("user_id").aggregate(
        total=act.w.sum(),
        actions=act.count(),
        days=days(act.on),
        newest=act.ts.max(),
        dwell=act.dwell_ms.cast("float64").mean(),
        **sums, **hours, **week,
    )  # fmt: skip

    def actions(millionths: Any) -> ir.FloatingValue:
        """Decayed actions. Cast first: to Spark a written 1.0 is a decimal, and whole numbers over decimals lose digits."""
        return millionths.coalesce(0).cast("float64") / MILLIONTHS

    # From the users' sums, not from the actions again: those are by far the most rows.
    everyone = per_user.aggregate(all_total=per_user.total.sum(), **{f"all_{k}": per_user[k].sum() for k in sums})
    usual = ibis.array([everyone[f"all_{k}"] for k in sums]).map(
        lambda part: (actions(part) + 1.0) / (actions(everyone.all_total) + len(CATEGORIES))
    )
    everyone = everyone.select(usual=usual)
    known = per_user.mutate(total=actions(per_user.total)).cross_join(everyone)

    def shares(parts: Mapping[str, Any], prior: Callable[[ir.IntegerValue], ir.FloatingValue], strength: float) -> ir.ArrayValue:
        """Each part's share of the user's total, `strength` decayed actions' worth of the prior mixed in. One expression
        mapped over the parts: 63 written out would cost as long to compile as a small day takes to run."""
        return ibis.array([known[k] for k in parts]).map(
            lambda part, i: ((actions(part) + strength * prior(i)) / (known.total + strength)).cast("float32")
        )

    active = known.select(
        "user_id", "actions", "days", "newest", "dwell",
        interests=shares(sums, lambda i: known.usual[i], INTEREST_PRIOR),
        hour_rhythm=shares(hours, lambda _: ibis.literal(1 / 24), 12.0),
        weekday_rhythm=shares(week, lambda _: ibis.literal(1 / 7), 7.0),
    )  # fmt: skip
    placed = with_expected_clicks(impressions, engagements.filter(engagements.kind == "click"))
    seen = placed.group_by("user_id").aggregate(
        shown=placed.count(),
        expected=placed.billionths.sum(),
        mobile=(placed.device == "mobile").cast("int64").sum(),
        saw=placed.ts.max(),
    )
    kinds = {f"n_{k}": (engagements.kind == k).cast("int64").sum() for k in ("click", "conversion", "like", "share", "hide", "report")}
    done = engagements.group_by("user_id").aggregate(
        clicked_at=engagements.ts.max(where=engagements.kind == "click"), did=engagements.ts.max(), **kinds
    )
    ids = (
        users.select("user_id").union(per_user.select("user_id"), distinct=True)
        .union(seen.select("user_id"), distinct=True).union(done.select("user_id"), distinct=True)
    ).filter(lambda t: t.user_id.length() > 0)  # fmt: skip
    counts = done.aggregate(**{f"all_{k[2:]}": done[k].sum() for k in kinds})
    volume = seen.aggregate(all_shown=seen.shown.sum())
    t = (
        ids.left_join(users, "user_id").drop("user_id_right")
        .left_join(active, "user_id").drop("user_id_right")
        .left_join(seen, "user_id").drop("user_id_right")
        .left_join(done, "user_id").drop("user_id_right")
        .cross_join(everyone).cross_join(counts).cross_join(volume)
    )  # fmt: skip
    shown = t.shown.coalesce(0)

    def rate(kind: str) -> ir.FloatingValue:
        return smoothed(t[f"n_{kind}"].coalesce(0), shown, t[f"all_{kind}"].coalesce(0), t.all_shown.coalesce(0), RATE_PRIOR)

    def days_since(when: ir.TimestampValue) -> ir.FloatingValue:
        """Within the window: what happened before it and was told late counts as its start, and so does never."""
        most = float(USER_PROFILE.window_days)
        # Null first: greatest and least leave nulls out, so that never would become just now.
        ago = ((now - seconds(when)).cast("float64") / 86_400.0).coalesce(most)
        return ibis.least(ibis.greatest(ago, 0.0), most).cast("float32")

    return t.select(
        user_id=t.user_id,
        interests=t.interests.coalesce(t.usual.cast("array<float32>")),  # who has done nothing yet is like everyone
        hour_rhythm=t.hour_rhythm.coalesce(ibis.array([ibis.literal(1 / 24, "float32")] * 24)),
        weekday_rhythm=t.weekday_rhythm.coalesce(ibis.array([ibis.literal(1 / 7, "float32")] * 7)),
        user_ctr_30d=rate("click").cast("float32"),
        user_coec_30d=coec(t.n_click.coalesce(0), t.expected.coalesce(0), EXPECTED_CLICKS_PRIOR, 1.0).cast("float32"),
        user_like_rate_30d=rate("like").cast("float32"),
        user_share_rate_30d=rate("share").cast("float32"),
        user_hide_rate_30d=(rate("hide") + rate("report")).cast("float32"),
        user_cvr_30d=smoothed(
            t.n_conversion.coalesce(0), t.n_click.coalesce(0), t.all_conversion.coalesce(0), t.all_click.coalesce(0), 20.0
        ).cast("float32"),
        user_impressions_30d=shown.cast("float32"),
        user_clicks_30d=t.n_click.coalesce(0).cast("float32"),
        user_actions_30d=t.actions.coalesce(0).cast("float32"),
        user_active_days_30d=ibis.least(t.days.coalesce(0), 31).cast("float32"),
        user_dwell_seconds=(t.dwell.coalesce(0.0) / 1000.0).cast("float32"),
        days_since_action=days_since(ibis.greatest(t.newest, t.saw, t.did)),
        days_since_click=days_since(t.clicked_at),
        mobile_share_30d=((t.mobile.coalesce(0).cast("float64") + 1.0) / (shown + 2.0)).cast("float32"),
        user_age_code=ibis.cases(*((t.age_band == b, i) for i, b in enumerate(AGE_BANDS)), else_=0).cast("int32"),
        user_gender_code=ibis.cases(*((t.gender == g, i) for i, g in enumerate(GENDERS)), else_=0).cast("int32"),
        user_region=t.region.coalesce(""),
        user_language=t.language.coalesce(""),
        user_tenure_days=((now - seconds(t.created_ts)).cast("float64") / 86_400.0).coalesce(0.0).cast("float32"),
    )


USER_PROFILE: Final = FeatureTable(
    name="user_profile",
    entity="user_id",
    features=(
        Feature("interests", "vector", width=len(CATEGORIES), default=1 / len(CATEGORIES), low=0, high=1, unit="share"),
        Feature("hour_rhythm", "vector", width=24, default=1 / 24, low=0, high=1, unit="share by hour, UTC"),
        Feature("weekday_rhythm", "vector", width=7, default=1 / 7, low=0, high=1, unit="share by weekday, Monday first"),
        Feature("user_ctr_30d", "float32", default=0.02, low=0, high=1, unit="probability"),
        Feature("user_coec_30d", "float32", default=1.0, low=0, high=HIGHEST_COEC, unit="clicks / expected clicks"),
        Feature("user_like_rate_30d", "float32", default=0.01, low=0, high=1, unit="per impression"),
        Feature("user_share_rate_30d", "float32", default=0.002, low=0, high=1, unit="per impression"),
        Feature("user_hide_rate_30d", "float32", default=0.003, low=0, high=2, unit="hides and reports per impression"),
        Feature("user_cvr_30d", "float32", default=0.05, low=0, high=1, unit="probability"),
        Feature("user_impressions_30d", "float32", low=0, unit="impressions"),
        Feature("user_clicks_30d", "float32", low=0, unit="clicks"),
        Feature("user_actions_30d", "float32", low=0, unit="organic actions"),
        Feature("user_active_days_30d", "float32", low=0, high=31, unit="days"),
        Feature("user_dwell_seconds", "float32", low=0, unit="seconds"),
        Feature("days_since_action", "float32", default=30.0, low=0, high=31, unit="days"),
        Feature("days_since_click", "float32", default=30.0, low=0, high=31, unit="days"),
        Feature("mobile_share_30d", "float32", default=0.5, low=0, high=1, unit="share of impressions"),
        Feature("user_age_code", "int32", default=0, low=0, high=len(AGE_BANDS) - 1, unit="index of AGE_BANDS"),
        Feature("user_gender_code", "int32", default=0, low=0, high=len(GENDERS) - 1, unit="index of GENDERS"),
        Feature("user_region", "string", default=""),
        Feature("user_language", "string", default=""),
        Feature("user_tenure_days", "float32", low=0, unit="days"),
    ),
    reads=("activity", "impressions", "engagements", "users"),
    window_days=30,
    max_age=timedelta(days=3),
    build=build,
)
