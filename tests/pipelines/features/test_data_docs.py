"""Data Docs name every table and day, say what was bad, and need no network."""

from __future__ import annotations

import re
from datetime import date

import pytest

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.table import CREATED_TIME, EVENT_TIME
from feature_repo.tables import TABLES
from feature_repo.tables.ad_performance import AD_PERFORMANCE
from pipelines.features.data_docs import write_docs
from pipelines.features.validate import broken_rules, checkable, examine


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_a_page_per_table_and_an_index_over_days(home: Home, table) -> None:  # type: ignore[no-untyped-def]
    import pyarrow as pa

    for day in (date(2026, 1, 5), date(2026, 1, 6)):
        frame = checkable(table, pa.Table.from_pylist([], schema=table.schema), end_of(day))
        write_docs(home, table.name, day, examine(table, frame, day), rows=0, bad=0)
    index = (home.data_docs / "index.html").read_text()
    links = re.findall(r"<a href='([^']+)'>", index)
    assert links == [f"{table.name}/2026-01-06.html", f"{table.name}/2026-01-05.html"]
    for link in links:
        page = (home.data_docs / link).read_text()
        assert table.entity in page
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", page), "a page must not load anything from elsewhere"


def test_a_broken_bound_is_shown_and_named(home: Home) -> None:
    import pyarrow as pa

    row = {f.name: f.default for f in AD_PERFORMANCE.features}
    row |= {n: None for n in AD_PERFORMANCE.schema.names if n not in row} | {AD_PERFORMANCE.entity: "ad1"}
    row |= dict.fromkeys((EVENT_TIME, CREATED_TIME), end_of(date(2026, 1, 5)))
    worse = row | {AD_PERFORMANCE.entity: "ad2", "ctr_7d": 7.0}
    rows = pa.Table.from_pylist([row, worse], schema=AD_PERFORMANCE.schema)
    outcome = examine(AD_PERFORMANCE, checkable(AD_PERFORMANCE, rows, end_of(date(2026, 1, 5))), date(2026, 1, 5))
    assert broken_rules(outcome) == {"expect_column_values_to_be_between(ctr_7d)": [1]}
    write_docs(home, AD_PERFORMANCE.name, date(2026, 1, 5), outcome, rows=2, bad=1)
    assert "fa-times" in (home.data_docs / "ad_performance" / "2026-01-05.html").read_text()
    assert "<td class='bad'>1</td>" in (home.data_docs / "index.html").read_text()
