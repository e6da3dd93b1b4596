"""Matured labels: what came of each impression or click within its window."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import ibis
import numpy as np
import pandas as pd

from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.errors import Missing
from pipelines.warehouse.as_of import as_of_table, connect
from pipelines.warehouse.label_times import LabelTimes

if TYPE_CHECKING:
    import ibis.expr.types as ir

from pipelines.datasets.point_in_time import CONTEXT

OTHERS: Final = {"click": ("hide",), "conversion": ()}
"""What a row is labelled with beside its head, by head: further events of the same impression within the same window that serving asks
for."""
KINDS: Final = {"hide": ("hide", "report")}
"""The events that a label stands for, where they are not those of its name: a report annoys no less than a hide."""


def labels(home: Home, head: str, day: date, times: LabelTimes) -> pd.DataFrame:
    """Rows that have matured by the day's end, ascending in time; label: the event came within the window, and by the day's end.

    click: rows are impressions, which have a column for each of OTHERS too.
    conversion: rows are clicks, the conversion names its click as cause. happened: when, absent for none. Raises Missing on none.
    """
    as_of, con, history = end_of(day), connect(), times.history_days
    try:
        done = as_of_table(con, home, "engagements", as_of, history + 1)
        back = history if head == "click" else history + 2  # a click is of the table above, its ad of the day before at most
        shown = with_exposures(as_of_table(con, home, "impressions", as_of, back))
        clicks = done.filter(done.kind == "click")
        seen = shown.select(seen_at="impression_id", seen_today="seen_today")
        base = shown if head == "click" else clicks.left_join(seen, clicks.impression_id == seen.seen_at)
        key = "impression_id" if head == "click" else "event_id"
        link = "impression_id" if head == "click" else "cause_id"
        known = {head: "happened"} | {name: f"{name}_at" for name in OTHERS[head]}
        kinds = {name: KINDS.get(name, (name,)) for name in known}
        outcomes = done.filter(done.kind.isin([kind for of in kinds.values() for kind in of])).group_by(link)
        outcomes = outcomes.aggregate(**{at: done.created_ts.min(where=done.kind.isin(kinds[name])) for name, at in known.items()})
        joined = base.left_join(outcomes.rename(outcome_of=link), base[key] == outcomes.rename(outcome_of=link).outcome_of)
        columns = {"row_id": joined[key], "explored": joined.explored if head == "click" else False, "shown": ibis.literal(0)}
        if head == "click":
            page = joined.position.max().over(group_by=joined.decision_id)
            columns["shown"] = joined.decision_id.notnull().ifelse(page, 0)
        asked = as_of_table(con, home, "queries", as_of, history + 2).select(asked="query_id", query="text")
        joined = joined.left_join(asked, joined.query_id == asked.asked)
        written = as_of_table(con, home, "shown_texts", as_of, history + 2).select(written="impression_id", choice="choice")
        joined = joined.left_join(written, joined.impression_id == written.written)
        columns["choice"] = joined.choice.coalesce(0)
        frame: pd.DataFrame = (
            joined.select(
                *("ts", "user_id", "creative_id", "campaign_id", "advertiser_id", "position", "seen_today", *CONTEXT, "query"),
                *known.values(),
                **columns,
            )
            .order_by("ts", "row_id")
            .to_pandas()
        )
    finally:
        con.disconnect()
    frame = frame[frame["ts"] + times.maturity <= pd.Timestamp(as_of).tz_localize(None)].reset_index(drop=True)
    if frame.empty:
        raise Missing(f"matured {head} labels", str(day), "Ingest earlier days, or lower PLACARD_LABEL_MATURITY_HOURS.")
    frame["label"] = (frame["happened"] - frame["ts"]) <= times.window
    for name in OTHERS[head]:
        frame[name] = (frame[known[name]] - frame["ts"]) <= times.window
    frame["position"] = frame["position"].fillna(1).astype(np.int16)
    frame["shown"] = frame["shown"].fillna(0).astype(np.int16)
    frame["seen_today"] = frame["seen_today"].fillna(0).astype(np.int16)
    frame["query"] = frame["query"].fillna("")
    frame["explored"] = frame["explored"].fillna(False).astype(bool)
    return frame.drop(columns=[at for at in known.values() if at != "happened"])


def with_exposures(impressions: ir.Table) -> ir.Table:
    """With seen_today: how often the campaign had been shown to the user on earlier pages, that day (UTC); 0 for a user without a
    name. The ledger's count when the page was decided."""
    t = impressions.mutate(day=impressions.ts.date(), page=impressions.decision_id.coalesce(impressions.impression_id))
    keys = [t.user_id, t.campaign_id, t.day]
    earlier = ibis.rank().over(group_by=keys, order_by=t.ts) - ibis.rank().over(group_by=[*keys, t.page], order_by=t.ts)
    return t.mutate(seen_today=(t.user_id != "").ifelse(earlier, 0)).drop("day", "page")
