"""What rows of each kind of table become: events that name each other, and descriptions that hold from a moment on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from feature_repo.catalog import CATALOG
from feature_repo.events import EVENTS
from feature_repo.home import Home
from pipelines.ingest.collect import Ingested, ingest
from pipelines.ingest.table.mapped_table import MappedTable
from pipelines.ingest.table.mapping import mapping_of
from pipelines.ingest.table.vocabulary import FIELDS
from tests.pipelines.ingest.table.mapped_tables import held

AT = "2026-01-05T10:00Z"


def told(home: Home, folder: Path, table: str, header: str, *rows: str, **further: Any) -> Ingested:
    """Rows whose columns have the names of the fields that they are."""
    (folder / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    mapping = {"as": table, "source": "shop", "columns": {name: name for name in header.split(",")}} | further
    return ingest(home, MappedTable(mapping_of(mapping, "test")), folder / "t.csv")


def test_tables_of_a_source_name_each_others_rows(home: Home, tmp_path: Path) -> None:
    told(
        home,
        tmp_path,
        "impressions",
        "ts,user,item,id,request,position",
        f"{AT},ana,s1,i-1,r9,1",
        f"{AT},ana,s2,i-2,r9,2",
        f"{AT},bob,s1,i-3,,1",
    )
    told(home, tmp_path, "clicks", "ts,user,item,id,impression", "2026-01-05T10:01Z,ana,s1,c-1,i-1")
    told(home, tmp_path, "conversions", "ts,user,item,id,impression,click,value", "2026-01-06T10:00Z,ana,s1,x1,i-1,c-1,19.99")
    told(home, tmp_path, "engagements", "ts,user,item,id,kind,impression", "2026-01-05T10:02Z,bob,s1,e1,hide,i-3")
    shown = held(home, "impressions").set_index("impression_id")
    events = held(home, "engagements").set_index("kind")
    assert sorted(events.index) == ["click", "conversion", "hide"]
    assert {*events["impression_id"]} <= {*shown.index}
    assert events.loc["click", "cause_id"] == events.loc["click", "impression_id"]
    assert events.loc["conversion", "cause_id"] == events.loc["click", "event_id"]
    assert events.loc["conversion", "value_micros"] == 19_990_000
    decisions = held(home, "decisions").set_index("decision_id")
    assert sorted(decisions["shown"]) == [1, 2] and {*shown["decision_id"]} == {*decisions.index}


def test_an_outcome_that_comes_later_is_added_to_a_row_with_an_id(home: Home, tmp_path: Path) -> None:
    header = "ts,user,item,id,clicked,converted_at"
    told(home, tmp_path, "impressions", header, f"{AT},ana,s1,i1,1,", f"{AT},ana,s1,i2,0,")
    later = told(home, tmp_path, "impressions", header, f"{AT},ana,s1,i1,1,2026-01-06T10:00Z", f"{AT},ana,s1,i2,0,")
    assert (later.kept, later.duplicated, later.tables) == (1, 1, {"engagements": 1})
    events = held(home, "engagements").set_index("kind")
    assert events.loc["conversion", "cause_id"] == events.loc["click", "event_id"]


def test_a_conversion_without_a_click_follows_the_impression(home: Home, tmp_path: Path) -> None:
    told(home, tmp_path, "impressions", "ts,user,item,clicked,converted,value", f"{AT},ana,s1,0,1,5", f"{AT},bob,s1,1,0,")
    events = held(home, "engagements").set_index("kind")
    assert events.loc["conversion", "cause_id"] == events.loc["conversion", "impression_id"]
    assert events.loc["conversion", ["value_micros", "ts"]].tolist() == [5_000_000, pd.Timestamp(AT)]


def test_searches_looks_and_pages_are_read(home: Home, tmp_path: Path) -> None:
    told(home, tmp_path, "queries", "ts,user,text,id,device,language", f'{AT},ana," red\tshoes ",q1,iPhone,en_US')
    told(home, tmp_path, "impressions", "ts,user,item,query", f"{AT},ana,s1,q1", constants={"surface": "search"})
    told(home, tmp_path, "activity", "ts,user,item,action,category,dwell_ms", f"{AT},ana,a1,Like,sports,1200", f"{AT},ana,,,,")
    told(home, tmp_path, "landing-pages", "ts,landing_url,title,text", f'{AT},https://shop.example/s1,Shoes,"Red.\nLight."')
    (query,) = held(home, "queries").to_dict("records")
    assert (query["text"], query["device"], query["language"]) == ("red shoes", "mobile", "en-us")
    (shown,) = held(home, "impressions").to_dict("records")
    assert (shown["query_id"], shown["surface"]) == (query["query_id"], "search")
    assert held(home, "activity").sort_values("item_id")[["action", "category"]].to_numpy().tolist() == [
        ["view", "unknown"],
        ["like", "sports"],
    ]
    assert held(home, "landing_pages")["text"].tolist() == ["Red. Light."]


def test_a_catalogue_is_stated_as_it_stands(home: Home, tmp_path: Path) -> None:
    told(
        home, tmp_path, "campaigns",
        "ts,campaign,advertiser,advertiser_name,objective,bid,daily_budget,start,end,regions,devices,frequency_cap",
        f"{AT},c1,acme,Acme Ltd,CPA,2.5,100,,2099-01-01T00:00Z,DE | at,phone|tablet,3", f"{AT},c2,acme,Acme Ltd,,,,,,,,",
    )  # fmt: skip
    told(
        home,
        tmp_path,
        "keywords",
        "ts,campaign,ad_group,text,match_type,negative",
        f"{AT},c1,g1,red shoes,exact,0",
        f"{AT},c1,,free,broad,1",
    )
    told(home, tmp_path, "placements", "ts,placement,surface,slots,floor", f"{AT},top,search,4,0.5")
    campaigns = held(home, "campaigns").set_index("campaign_id")
    first = campaigns.loc["c1"]
    assert (first["objective"], first["bid_micros"], first["frequency_cap"]) == ("cpa", 2_500_000, 3)
    assert (list(first["regions"]), list(first["devices"])) == (["de", "at"], ["mobile", "tablet"])
    assert (first["start_ts"], first["end_ts"].year) == (pd.Timestamp(AT), 2099)
    assert campaigns.loc["c2", "bid_micros"] == 200_000 and pd.isna(campaigns.loc["c2", "end_ts"])
    assert held(home, "advertisers")["name"].tolist() == ["Acme Ltd"]
    assert held(home, "keywords").set_index("text")["negative"].to_dict() == {"red shoes": False, "free": True}
    assert held(home, "placements")[["placement_id", "slots", "floor_micros"]].to_numpy().tolist() == [["top", 4, 500_000]]


CELLS = {
    "time": "2026-01-05T10:00Z", "truth": "yes", "number": "0.5", "whole": "1", "money": "1.25", "identity": "x-1", "words": "some words",
    "word": "word", "list": "",
}  # fmt: skip


@pytest.mark.parametrize("table", FIELDS)
def test_every_field_of_a_table_is_read_and_a_second_run_brings_nothing(table: str, home: Home, tmp_path: Path) -> None:
    fields = {name: of for name, of in FIELDS[table].items() if name != "age_band"}
    row = ",".join(of.choices[-1] if of.kind == "choice" else CELLS[of.kind] for of in fields.values())
    first = told(home, tmp_path, table, ",".join(fields), row)
    assert (first.rows_in, first.kept, first.quarantined) == (1, 1, 0)
    for name in EVENTS | CATALOG:
        for column in held(home, name):
            assert column in (EVENTS | CATALOG)[name].names
    again = told(home, tmp_path, table, ",".join(fields), row)
    assert (again.kept, again.duplicated, again.tables) == (0, 1, {})


@pytest.mark.parametrize(
    ("table", "field"), [(table, name) for table, of in FIELDS.items() for name, field in of.items() if field.required]
)
def test_a_row_without_what_it_must_have_is_set_aside(table: str, field: str, home: Home, tmp_path: Path) -> None:
    required = {name: of for name, of in FIELDS[table].items() if of.required}
    row = ",".join("" if name == field else of.choices[0] if of.kind == "choice" else CELLS[of.kind] for name, of in required.items())
    (tmp_path / "t.csv").write_text(",".join(required) + "\n" + row + "\n")
    mapping = mapping_of({"as": table, "source": "shop", "columns": {name: name for name in required}}, "test")
    result = ingest(home, MappedTable(mapping), tmp_path / "t.csv", most_bad=1)
    assert (result.kept, result.quarantined) == (0, 1)
