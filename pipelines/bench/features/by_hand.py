"""The Ibis-built feature tables as a person would write them in DuckDB's SQL: what `bench features` measures the build against.

Same input files, same rounding, same values; output columns stand in the tables' order and take their names from the tables.
A test compares the values, so that the comparison stays one of equal work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.literal_path import literal_path
from feature_repo.table import FeatureTable
from feature_repo.tables.ad_creative import AD_CREATIVE, IMAGE_STATS
from feature_repo.tables.ad_performance import AD_PERFORMANCE, LEVELS
from feature_repo.tables.user_profile import USER_PROFILE
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, GENDERS, SURFACES
from pipelines.warehouse.as_of import STATES, files_known

SLOTS: Final = """
clicks as materialized (select * from engagements where kind = 'click'),
slots as (
  select surface, position, round((coalesce(won, 0) + 1.0) / (n + 100.0) * 1e9)::bigint as billionths
  from (select surface, position, count(*) n from impressions group by all)
  left join (select surface, position, count(*) won from clicks group by all) using (surface, position)
)"""


def _each(template: str, values: Sequence[object]) -> str:
    """The template for every value, `{v}` and its number `{i}` filled in."""
    return ", ".join(template.format(v=v, i=i) for i, v in enumerate(values))


def _user_profile(now: int) -> str:
    hours, week = range(24), range(7)
    weekday = "(isodow(ts) - 1)"
    rate = "least((coalesce(n_{v}, 0) + 100 * least((all_{v} + 1.0) / (all_shown + 100.0), 1.0)) / (coalesce(shown, 0) + 100.0), 1.0)"
    since = f"least(greatest(coalesce(({now} - epoch_us({{v}}) // 1000000) / 86400.0, 30.0), 0.0), 30.0)"
    kinds = ("click", "conversion", "like", "share", "hide", "report")
    return f"""
with {SLOTS},
act as (
  select *, round(case when action in ('like', 'share', 'comment') then 2.0 else 1.0 end
    * exp(greatest({now} - epoch_us(ts) // 1000000, 0) / 86400.0 * (-0.693147 / 14.0)) * 1e6)::bigint as w
  from activity
),
per_user as materialized (
  select user_id, sum(w)::bigint total, count(*) actions, count(distinct ts::date) active, max(ts) newest, avg(dwell_ms::double) dwell,
    {_each("sum(case when category = '{v}' then w end) k{i}", CATEGORIES)},
    {_each("sum(case when hour(ts) = {v} then w end) h{i}", hours)},
    {_each(f"sum(case when {weekday} = {{v}} then w end) d{{i}}", week)}
  from act group by user_id
),
everyone as (
  select {_each("(coalesce(sum(k{i}), 0) / 1e6 + 1.0) / (coalesce(sum(total), 0) / 1e6 + " + str(len(CATEGORIES)) + ") g{i}", CATEGORIES)}
  from per_user
),
seen as materialized (
  select user_id, count(*) shown, sum(billionths)::bigint expected, count(*) filter (device = 'mobile') mobile, max(ts) saw
  from impressions left join slots using (surface, position) group by user_id
),
done as materialized (
  select user_id, max(ts) filter (kind = 'click') clicked_at, max(ts) did, {_each("count(*) filter (kind = '{v}') n_{v}", kinds)}
  from engagements group by user_id
),
counts as (select {_each("coalesce(sum(n_{v}), 0) all_{v}", kinds)} from done),
volume as (select coalesce(sum(shown), 0) all_shown from seen),
ids as (
  select user_id from users union select user_id from per_user union select user_id from seen union select user_id from done
)
select user_id,
  [{_each("((coalesce(k{i}, 0) / 1e6 + 8.0 * g{i}) / (coalesce(total, 0) / 1e6 + 8.0))::float", CATEGORIES)}],
  [{_each("((coalesce(h{i}, 0) / 1e6 + 0.5) / (coalesce(total, 0) / 1e6 + 12.0))::float", hours)}],
  [{_each("((coalesce(d{i}, 0) / 1e6 + 1.0) / (coalesce(total, 0) / 1e6 + 7.0))::float", week)}],
  {rate.format(v="click")},
  if(coalesce(expected, 0) > 0, least((coalesce(n_click, 0) + 4.0) / (expected / 1e9 + 4.0), 20.0), 1.0),
  {rate.format(v="like")}, {rate.format(v="share")}, {rate.format(v="hide")} + {rate.format(v="report")},
  least((coalesce(n_conversion, 0) + 20 * least((all_conversion + 1.0) / (all_click + 100.0), 1.0)) / (coalesce(n_click, 0) + 20.0), 1.0),
  coalesce(shown, 0), coalesce(n_click, 0), coalesce(actions, 0), least(coalesce(active, 0), 31), coalesce(dwell, 0.0) / 1000.0,
  {since.format(v="greatest(newest, saw, did)")}, {since.format(v="clicked_at")},
  (coalesce(mobile, 0) + 1.0) / (coalesce(shown, 0) + 2.0),
  case age_band {" ".join(f"when '{b}' then {i}" for i, b in enumerate(AGE_BANDS))} else 0 end,
  case gender {" ".join(f"when '{g}' then {i}" for i, g in enumerate(GENDERS))} else 0 end,
  coalesce(region, ''), coalesce(language, ''), coalesce(({now} - epoch_us(created_ts) // 1000000) / 86400.0, 0.0)
from ids left join users using (user_id) left join per_user using (user_id) left join seen using (user_id) left join done using (user_id)
cross join everyone cross join counts cross join volume
where user_id <> ''"""


def _ad_performance(now: int) -> str:
    windows, levels = (1, 7, 30), LEVELS[:-1]
    rate = "least((c_{v} + 200 * least((all_c_{v} + 1.0) / (all_n_{v} + 100.0), 1.0)) / (n_{v} + 200.0), 1.0)"
    coec, cvr, coecs, cvrs = "1.0", "(all_v + 1.0) / (all_c_30 + 100.0)", [], []
    steps = ""
    for i, level in enumerate(LEVELS):
        prefix = "" if level == "creative_id" else f"{level}_"
        before = f"chain{i - 1}" if i else "wide"
        expected, clicks = f"{prefix}expected", f"{prefix}c_30"
        steps += (
            f", chain{i} as (select *,"
            f" if({expected} > 0, least(({clicks} + 4.0 * {coec}) / ({expected} / 1e9 + 4.0), 20.0), {coec}) o{i},"
            f" ({prefix}v + 30.0 * {cvr}) / ({clicks} + 30.0) r{i} from {before})"
        )
        coec, cvr = f"o{i}", f"r{i}"
        coecs.append(coec)
        cvrs.append(f"least({cvr}, 1.0)")
    count = (*(f"n_{s}" for s in SURFACES), *(f"n_{w}" for w in windows), *(f"c_{s}" for s in SURFACES), *(f"c_{w}" for w in windows))
    counts = ("expected", *count, "v", "hides")
    sums = ", ".join(f"(sum({c}) over (partition by {level}))::bigint {level}_{c}" for level in levels for c in ("expected", "c_30", "v"))
    age = f"({now} - epoch_us(ts) // 1000000) / 86400.0"
    return f"""
with {SLOTS},
shown_by as (
  select creative_id, sum(billionths)::bigint expected, {_each("count(*) filter (surface = '{v}') n_{v}", SURFACES)},
    {_each(f"count(*) filter ({age} <= {{v}}) n_{{v}}", windows)}
  from impressions left join slots using (surface, position) group by creative_id
),
done_by as (
  select creative_id, {_each("count(*) filter (kind = 'click' and surface = '{v}') c_{v}", SURFACES)},
    {_each(f"count(*) filter (kind = 'click' and {age} <= {{v}}) c_{{v}}", windows)},
    count(*) filter (kind = 'conversion') v, count(*) filter (kind in ('hide', 'report')) hides
  from engagements group by creative_id
),
t as materialized (
  select {", ".join(LEVELS)}, {_each("coalesce({v}, 0) {v}", counts)}
  from creatives left join shown_by using (creative_id) left join done_by using (creative_id)
),
whole as (select {_each("sum({v})::bigint all_{v}", counts)} from t),
wide as (select *, {sums} from t cross join whole){steps}
select creative_id, {_each(rate, SURFACES)}, {_each(rate, windows)}, {", ".join(coecs)}, {", ".join(cvrs)},
  least((hides + 200 * least((all_hides + 1.0) / (all_n_30 + 100.0), 1.0)) / (n_30 + 200.0), 1.0), n_30, c_30
from chain{len(LEVELS) - 1}"""


def _ad_creative(now: int) -> str:
    words = "if(trim(coalesce({v}, '')) = '', 0, length(regexp_replace(trim({v}), '[^\\s]', '', 'g')) + 1)"
    text = "coalesce(headline, '') || ' ' || coalesce(description, '')"
    return f"""
select creative_id, length(coalesce(headline, '')), {words.format(v="headline")}, {words.format(v="description")},
  regexp_matches({text}, '[0-9]')::int, contains({text}, '?')::int, {words.format(v="call_to_action")}, coalesce(call_to_action, ''),
  coalesce(video_seconds, 0), (picture is not null)::int, {_each("coalesce({v}, 0.5)", IMAGE_STATS)}, {words.format(v="p.text")},
  (p.text is not null)::int, coalesce(category, 'unknown'), coalesce(c.language, ''), coalesce(len(regions) > 0, false)::int,
  epoch_us(c.created_ts) // 1000000
from creatives c left join landing_pages p using (landing_url) left join campaigns k using (campaign_id)
left join image_stats on image_path = picture"""


QUERIES: Final[Mapping[str, Callable[[int], str]]] = {
    USER_PROFILE.name: _user_profile,
    AD_CREATIVE.name: _ad_creative,
    AD_PERFORMANCE.name: _ad_performance,
}


def _input(home: Home, name: str, table: FeatureTable, as_of: datetime) -> str:
    """A view of what is known before `as_of`: the window's events, or the newest row of each key."""
    if name == "image_stats":
        return f"create temp table image_stats (picture varchar, {_each('{v} double', IMAGE_STATS)})"
    files = files_known(home, name, as_of, None if name in STATES else table.window_days)
    rows = f"from read_parquet({[literal_path(f) for f in files]}, hive_partitioning = false)"
    known = f"where created_ts < timestamptz '{as_of.isoformat()}'"
    times = "created_ts::timestamp as created_ts" if name in ("creatives", "campaigns", "landing_pages") else "ts::timestamp as ts"
    times = "created_ts::timestamp as created_ts, ts::timestamp as ts" if name == "users" else times
    newest = f"qualify row_number() over (partition by {STATES[name]} order by created_ts desc, source) = 1" if name in STATES else ""
    return f"create temp view {name} as select * replace ({times}) {rows} {known} {newest}"


def by_hand(home: Home, table: FeatureTable, day: date, path: Path, threads: int = 2, memory: str = "4GB") -> Path:
    """Computes a table's partition in SQL alone and writes it as the build does: same columns, order, types and compression."""
    import duckdb

    as_of = end_of(day)
    with duckdb.connect(config={"threads": threads, "memory_limit": memory}) as con:
        for name in table.reads:
            con.execute(_input(home, name, table, as_of))
        stamp = f"timestamptz '{as_of.isoformat()}'"
        kinds = {"float32": "float", "int32": "int", "int64": "bigint", "string": "varchar", "vector": "float[]"}
        cast = ", ".join(f"{f.name}::{kinds[f.dtype]} as {f.name}" for f in table.features)
        stamps = ", ".join(f"{stamp} as {name}" for name in table.schema.names[-2:])
        names = ", ".join([table.entity, *table.names])
        query = QUERIES[table.name](int(as_of.timestamp()))
        path.parent.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"copy (select {table.entity}, {cast}, {stamps} from ({query}) as t({names}) order by {table.entity}) "
            f"to '{path}' (format parquet, compression zstd)"
        )
    return path
