"""Searches with what came of them, as of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd
import pyarrow as pa

from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.errors import Missing
from pipelines.warehouse.as_of import as_of_table, connect
from pipelines.warehouse.catalog import catalog_as_of
from serving.room_settings import TrainingSettings

HISTORY_DAYS: Final = TrainingSettings().history_days


@dataclass(frozen=True)
class QueryLog:
    """shown: one row an ad shown to a search, ascending in time: query_id, text, ts, creative_id, position, clicked, converted.
    queries: every search: query_id, text, ts. catalog: the catalogue's tables."""

    shown: pd.DataFrame
    queries: pd.DataFrame
    catalog: dict[str, pa.Table]

    def before(self, share: float) -> tuple[QueryLog, QueryLog]:
        """The earlier `share` of the searches, and the others; both with the whole catalogue."""
        cut = self.queries["ts"].iloc[min(int(len(self.queries) * share), len(self.queries) - 1)]
        first = QueryLog(self.shown[self.shown["ts"] < cut], self.queries[self.queries["ts"] < cut], self.catalog)
        return first, QueryLog(self.shown[self.shown["ts"] >= cut], self.queries[self.queries["ts"] >= cut], self.catalog)


def query_log(home: Home, day: date, history_days: int = HISTORY_DAYS) -> QueryLog:
    """The searches of so many days up to the end of `day`. Raises Missing when there are none."""
    as_of, con = end_of(day), connect()
    try:
        queries, impressions, engagements = (
            as_of_table(con, home, n, as_of, history_days) for n in ("queries", "impressions", "engagements")
        )
        asked = queries.select("query_id", "text", "ts").order_by("ts", "query_id").to_pandas()
        done = engagements.filter(engagements.kind.isin(["click", "conversion"])).group_by("impression_id")
        done = done.aggregate(clicked=lambda t: (t.kind == "click").any(), converted=lambda t: (t.kind == "conversion").any())
        shown = impressions.inner_join(queries.select("query_id", "text"), "query_id").left_join(done, "impression_id")
        shown = shown.select("query_id", "text", "ts", "creative_id", "position", "clicked", "converted").order_by(
            "ts", "query_id", "position"
        )
        frame = shown.to_pandas()
    finally:
        con.disconnect()
    if asked.empty:
        raise Missing("queries", str(day), "Ingest or simulate logs with searches up to that day first.")
    for name in ("clicked", "converted"):
        frame[name] = frame[name].eq(True)  # null: nothing came of it
    return QueryLog(frame, asked, catalog_as_of(home, day))
