from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from feature_repo.tables.query_performance import QUERY_PERFORMANCE
from feature_repo.text import query_key
from pipelines.datasets.labels import labels
from pipelines.features.build import build
from pipelines.ingest.serving_log import impression_id, ingest_served
from pipelines.warehouse.label_times import LabelTimes
from serving.eventlog.log import Event, EventLog
from serving.record.decision import AdText, Decision, RankedAd

DAY = date(2026, 3, 9)
Decide, Happen = Callable[..., Decision], Callable[..., Event]


def read(home: Home, name: str) -> pd.DataFrame:
    return pd.concat([pq.read_table(f, partitioning=None).to_pandas() for f in home.files(name)], ignore_index=True)


@pytest.fixture
def busy(eventlog: EventLog, decided: Decide, happened: Happen, noon: datetime, hour: timedelta) -> EventLog:
    """Two decisions; both ads of the first seen, its first clicked twice and converted the next day."""
    eventlog.append_decision(decided("d1"))
    eventlog.append_decision(decided("d2", noon + hour, consent=False))
    eventlog.append_events([happened("d1", a, "impression", noon) for a in ("a1", "a2")], noon)
    eventlog.append_events([happened("d1", "a1", "click", noon + hour)], noon + hour)
    eventlog.append_events([happened("d1", "a1", "click", noon + 2 * hour, "second")], noon + 2 * hour)
    eventlog.append_events([happened("d1", "a1", "conversion", noon + 15 * hour)], noon + 16 * hour)
    return eventlog


def test_decisions_and_events_become_rows(home: Home, busy: EventLog, noon: datetime, hour: timedelta) -> None:
    result = ingest_served(home, busy, DAY)
    assert (result.rows_in, result.kept, result.quarantined, result.duplicated) == (6, 6, 0, 0)
    decisions = read(home, "decisions").set_index("decision_id")
    assert decisions.loc["d1", ["policy", "candidates", "shown", "user_id"]].tolist() == ["click@1", 40, 2, "u1"]
    shown = read(home, "impressions").set_index("creative_id")
    assert shown.loc["a1", ["propensity", "bid_micros", "price_micros", "position"]].tolist() == [0.98, 900_000, 400_000, 1]
    assert shown.loc["a1", ["region", "os", "surface", "source"]].tolist() == ["north", "ios", "proactive", "serving"]
    clicks = read(home, "engagements")
    assert set(clicks["cause_id"]) == {shown.loc["a1", "impression_id"]} == {impression_id("d1", "a1")}
    assert clicks["created_ts"].max() == noon + 2 * hour


def test_a_conversion_follows_the_latest_click_of_an_earlier_day(home: Home, busy: EventLog) -> None:
    ingest_served(home, busy, DAY)
    ingest_served(home, busy, DAY + timedelta(days=1))
    (conversion,) = read(home, "engagements").query("kind == 'conversion'").itertuples()
    assert conversion.cause_id == "second"
    assert conversion.created_ts == datetime(2026, 3, 10, 4, tzinfo=UTC)


def test_without_consent_the_asker_has_no_name(home: Home, busy: EventLog) -> None:
    ingest_served(home, busy, DAY)
    assert read(home, "decisions").set_index("decision_id").loc["d2", "user_id"] == ""


def test_words_of_older_records_land_in_the_form_that_features_are_made_of(
    home: Home, eventlog: EventLog, decided: Decide, noon: datetime
) -> None:
    sent = replace(decided("d1", noon).request, device="iPhone", os="Android", region=" North", language="en_US")
    eventlog.append_decision(replace(decided("d1", noon), request=sent))
    ingest_served(home, eventlog, DAY)
    assert read(home, "decisions").loc[0, ["device", "os", "region", "language"]].tolist() == ["mobile", "android", "north", "en-us"]


def test_an_ad_seen_twice_is_one_impression(home: Home, busy: EventLog, happened: Happen, noon: datetime, hour: timedelta) -> None:
    busy.append_events([happened("d1", "a1", "impression", noon, "again")], noon)
    busy.append_events([happened("d1", "a1", "impression", noon, "next day")], noon + 13 * hour)
    results = [ingest_served(home, busy, DAY + timedelta(days=i)) for i in range(2)]
    assert [r.duplicated for r in results] == [1, 1]
    assert read(home, "impressions")["impression_id"].is_unique


def test_a_second_run_adds_only_what_came_since(
    home: Home, busy: EventLog, decided: Decide, noon: datetime, hour: timedelta, content: Callable[..., dict[str, str]]
) -> None:
    ingest_served(home, busy, DAY)
    before = content()
    again = ingest_served(home, busy, DAY)
    assert (again.duplicated, again.tables) == (6, {})
    assert content() == before
    busy.append_decision(decided("d3", noon + 11 * hour))
    assert ingest_served(home, busy, DAY).tables == {"decisions": 1}


def test_events_of_nothing_we_showed_are_quarantined(home: Home, busy: EventLog, happened: Happen, noon: datetime, hour: timedelta) -> None:
    strange = [
        happened("nobody", "a1", "click", noon),
        happened("d1", "a9", "click", noon),
        happened("d1", "a1", "applause", noon),
    ]
    busy.append_events(strange, noon + 3 * hour)
    result = ingest_served(home, busy, DAY, most_bad=1)
    assert (result.quarantined, result.rows_in) == (3, result.kept + 3)
    records = [json.loads(x) for x in Path(result.files[1].quarantine).read_text().splitlines()]
    assert {r["reason"].split(",")[0] for r in records} == {
        "the decision did not show this ad",
        "kind is none of impression",
        "unknown decision",
    }
    assert all(r["line"] > 0 and r["text"] for r in records)


def test_a_quiet_day_changes_nothing(home: Home, eventlog: EventLog) -> None:
    assert ingest_served(home, eventlog, DAY).rows_in == 0
    assert not home.files("decisions")


def searched(decision: Decision, query: str) -> Decision:
    return replace(decision, request=replace(decision.request, surface="search", query=query))


@pytest.fixture
def asked(eventlog: EventLog, decided: Decide, happened: Happen, noon: datetime, hour: timedelta) -> EventLog:
    """Two searches, one of them without consent, one of nothing, and a page without a search; an ad of each seen and clicked."""
    texts = {"s1": "Cheap running  shoes", "s2": "läufer schuhe", "blank": " ", "page": ""}
    for key, text in texts.items():
        eventlog.append_decision(searched(decided(key, consent=key != "s2"), text) if text else decided(key))
        eventlog.append_events([happened(key, "a1", kind, noon + hour) for kind in ("impression", "click")], noon + hour)
    return eventlog


def test_a_search_is_a_query_and_what_came_of_it_names_it(home: Home, asked: EventLog, noon: datetime) -> None:
    result = ingest_served(home, asked, DAY)
    assert result.tables == {"decisions": 4, "queries": 1, "impressions": 4, "engagements": 4}
    assert (result.rows_in, result.kept, result.quarantined, result.duplicated) == (12, 12, 0, 0)
    queries = read(home, "queries").set_index("query_id")
    assert queries["text"].to_dict() == {"s1": "Cheap running  shoes"}, "no consent, no text"
    assert queries.loc["s1", ["user_id", "device", "region", "language", "source"]].tolist() == ["u1", "mobile", "north", "en", "serving"]
    assert (queries["ts"] == noon).all() and (queries["created_ts"] == noon).all()
    for name in ("decisions", "impressions"):
        rows = read(home, name).set_index("decision_id")
        assert rows["query_id"].to_dict() == {"s1": "s1", "s2": "", "blank": "", "page": ""}
    clicks = read(home, "engagements").set_index("impression_id")["query_id"]
    assert clicks.to_dict() == {impression_id(d, "a1"): q for d, q in {"s1": "s1", "s2": "", "blank": "", "page": ""}.items()}


def test_which_texts_were_shown_is_kept_where_there_were_several(
    home: Home, eventlog: EventLog, decided: Decide, ad: Callable[..., RankedAd], happened: Happen, noon: datetime
) -> None:
    texts = (AdText("A", "b", 2, 3, 0.1), AdText("A", "b"))
    shown = [replace(ad(f"a{i}", position=i + 1), text=text) for i, text in enumerate(texts)]
    eventlog.append_decision(searched(decided("s1", ads=shown), "shoes"))
    eventlog.append_events([happened("s1", a, kind, noon) for a in ("a0", "a1") for kind in ("impression", "click")], noon)
    result = ingest_served(home, eventlog, DAY)
    assert (result.kept, result.duplicated, result.tables["shown_texts"]) == (result.rows_in, 0, 1)
    (row,) = read(home, "shown_texts").itertuples()
    assert (row.impression_id, row.choice, row.choices, row.propensity) == (impression_id("s1", "a0"), 2, 3, 0.1)
    for head, keys in (("click", [impression_id("s1", "a0"), impression_id("s1", "a1")]), ("conversion", ["s1-a0-click", "s1-a1-click"])):
        rows = labels(home, head, DAY + timedelta(days=2), LabelTimes(timedelta(hours=24), timedelta(hours=24))).set_index("row_id")
        assert rows.loc[keys, "choice"].tolist() == [2, 0]


def test_without_a_search_there_is_no_query(home: Home, busy: EventLog) -> None:
    ingest_served(home, busy, DAY)
    assert not home.files("queries")


def test_a_search_lands_once(home: Home, asked: EventLog, decided: Decide, noon: datetime, content: Callable[..., dict[str, str]]) -> None:
    """Again, or asked again under the same request_id: a decision is a search of its own."""
    ingest_served(home, asked, DAY)
    before = content()
    assert ingest_served(home, asked, DAY).tables == {} and content() == before
    again = searched(decided("s3", noon), "cheap running shoes")
    asked.append_decision(replace(again, request=replace(again.request, request_id="r-s1")))
    assert ingest_served(home, asked, DAY).tables == {"decisions": 1, "queries": 1}
    assert sorted(read(home, "queries")["query_id"]) == ["s1", "s3"]


def test_an_impression_of_the_next_day_names_it(home: Home, asked: EventLog, happened: Happen, noon: datetime, hour: timedelta) -> None:
    asked.append_events([happened("s1", "a2", "impression", noon + 13 * hour)], noon + 13 * hour)
    for day in (DAY, DAY + timedelta(days=1)):
        ingest_served(home, asked, day)
    assert read(home, "impressions").set_index("impression_id").loc[impression_id("s1", "a2"), "query_id"] == "s1"
    assert len(read(home, "queries")) == 1


def test_training_reads_what_was_searched_for(home: Home, asked: EventLog) -> None:
    """The rows of both heads hold the text that search_rows reads, and the query's own features count what came of it."""
    ingest_served(home, asked, DAY)
    said = {"s1": "Cheap running  shoes", "s2": "", "blank": "", "page": ""}
    later, mature = DAY + timedelta(days=2), timedelta(hours=24)
    rows = labels(home, "click", later, LabelTimes(mature, mature)).set_index("row_id")["query"]
    assert rows.to_dict() == {impression_id(d, "a1"): text for d, text in said.items()}
    rows = labels(home, "conversion", later, LabelTimes(mature, mature)).set_index("row_id")["query"]
    assert rows.to_dict() == {f"{d}-a1-click": text for d, text in said.items()}
    known = pq.read_table(build(home, QUERY_PERFORMANCE, DAY), partitioning=None).to_pandas().set_index("query_key")
    assert known["query_impressions_30d"].to_dict() == {query_key(text): 1.0 for text in said.values() if text}
