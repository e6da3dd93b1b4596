"""Tables by a mapping: files of many forms, rows with their outcome as events, and everything that is wrong with a row told."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.catalog import CATALOG
from feature_repo.events import EVENTS
from feature_repo.home import Home
from pipelines.errors import Refused
from pipelines.ingest import collect
from pipelines.ingest.collect import Ingested, ingest
from pipelines.ingest.format import IngestError
from pipelines.ingest.table import table_reader
from pipelines.ingest.table.mapped_table import MappedTable
from pipelines.ingest.table.mapping import mapping_of
from tests.pipelines.ingest.table.mapped_tables import held, quarantined

LOG: dict[str, Any] = {
    "as": "impressions",
    "source": "shop",
    "zone": "Europe/Berlin",
    "columns": {"user": "member_id", "item": "sku", "ts": "event_time", "clicked": "hit", "converted_at": "bought"},
}
ROWS = [
    ("ana", "s1", "2026-01-05T10:00:00+02:00", "1", "2026-01-06 10:00"),
    ("Bø-7", "s2", "2026-01-05 11:00", "no", ""),
    ("3f2a:x", "s1", "2026-01-05 11:00:00.25Z", "", ""),
]
HEADER = ("member_id", "sku", "event_time", "hit", "bought")


def told(home: Home, log: dict[str, Any], path: Path, most_bad: float = 0.05) -> Ingested:
    return ingest(home, MappedTable(mapping_of(log, "test")), path, most_bad=most_bad)


def lines(by: str, quoted: bool = False) -> str:
    mark = '"' if quoted else ""
    return "".join(by.join(f"{mark}{cell}{mark}" for cell in row) + "\n" for row in (HEADER, *ROWS))


def parquet(path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=pd.Index(HEADER))
    frame["event_time"] = pd.to_datetime(["2026-01-05 08:00", "2026-01-05 10:00", "2026-01-05 11:00:00.25"], utc=True, format="ISO8601")
    frame["hit"] = [True, False, None]
    frame["bought"] = pd.to_datetime(["2026-01-06 10:00", None, None])
    pq.write_table(pa.Table.from_pandas(frame), path)


FORMS: dict[str, Callable[[Path], object]] = {
    "commas": lambda path: path.write_text(lines(",")),
    "a mark of byte order, quotes and semicolons": lambda path: path.write_bytes(b"\xef\xbb\xbf" + lines(";", True).encode()),
    "tabs and the line ends of Windows": lambda path: path.write_bytes(lines("\t").replace("\n", "\r\n").encode()),
    "no end of the last line": lambda path: path.write_text(lines("|").removesuffix("\n")),
    "UTF-16": lambda path: path.write_bytes(lines(";").encode("utf-16")),
    "gzip": lambda path: path.write_bytes(gzip.compress(lines(",").encode())),
    "gzip in two members": lambda path: path.write_bytes(gzip.compress(lines(",").encode()[:40]) + gzip.compress(lines(",").encode()[40:])),
    "zstd": lambda path: path.write_bytes(pa.compress(lines(",").encode(), "zstd", asbytes=True)),
    "JSON lines": lambda path: path.write_text("".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in ROWS)),
    "Parquet": parquet,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_the_same_events_in_every_form(form: str, home: Home, tmp_path: Path) -> None:
    FORMS[form](tmp_path / "log.any")
    result = told(home, LOG, tmp_path / "log.any")
    assert (result.rows_in, result.kept, result.quarantined) == (3, 3, 0)
    shown = held(home, "impressions").sort_values("user_id")
    assert shown["user_id"].tolist() == ["3f2a:x", "Bø-7", "ana"]
    assert shown["ts"].tolist() == [
        datetime(2026, 1, 5, 11, 0, 0, 250_000, UTC), datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 5, 8, tzinfo=UTC)
    ]  # fmt: skip
    engaged = held(home, "engagements").set_index("kind")
    assert sorted(engaged.index) == ["click", "conversion"]
    assert engaged.loc["conversion", "created_ts"] == datetime(2026, 1, 6, 9, tzinfo=UTC)
    assert engaged.loc["conversion", "cause_id"] == engaged.loc["click", "event_id"]
    assert engaged.loc["click", "cause_id"] in set(shown["impression_id"])


@pytest.mark.parametrize("form", ["commas", "JSON lines", "Parquet"])
def test_a_second_run_brings_nothing_and_changes_no_byte(
    form: str, home: Home, tmp_path: Path, content: Callable[..., dict[str, str]]
) -> None:
    FORMS[form](tmp_path / "log")
    told(home, LOG, tmp_path / "log")
    before = content()
    again = told(home, LOG, tmp_path / "log")
    assert (again.kept, again.duplicated, again.tables) == (0, 3, {})
    assert content() == before


def test_another_encoding_is_read_where_the_mapping_names_it(home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(lines(";").encode("latin-1"))
    with pytest.raises(Refused):
        told(home, LOG, tmp_path / "log.csv")
    told(home, LOG | {"file": {"encoding": "latin-1"}}, tmp_path / "log.csv")
    assert "Bø-7" in held(home, "impressions")["user_id"].tolist()


def test_every_row_that_is_set_aside_has_its_line_and_reason_also_behind_cells_of_several_lines(home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "sku,member_id,event_time,hit,bought,note\n"
        's1,ana,2026-01-05T10:00Z,1,,"two\n\nlines, ""quoted"""\n'  # lines 2 to 4
        "s1,ana,2026-01-05T10:00Z,perhaps,,\n"
        "s1,,2026-02-30T10:00Z,1,,\n"
        ",ana,2026-01-05T10:00Z,1,,\n"
        "s1,ana\n"
        "\n"
        "s1,ana,2026-01-05T10:00Z,1,,a,b\n"
        's1,"an"a,2026-01-05T10:00Z,1,,\n'
        "s1,bob,2026-01-05T10:00Z,0,2026-01-04T10:00Z,\n"
        "s1,bob,2026-01-05T10:00Z,0,,fine\n"
        's1,"never closed,2026-01-05T10:00Z,0,,\n'
        "s1,bob,2026-01-05T11:00Z,0,,hidden by the quote\n"
    )
    result = told(home, LOG, tmp_path / "log.csv", most_bad=1)
    assert (result.rows_in, result.kept, result.quarantined) == (12, 2, 10)
    reasons = dict(quarantined(result))
    assert [*reasons] == [5, 6, 7, 8, 9, 10, 11, 12, 14, 15]
    for line, words in {
        5: "hit is neither yes nor no", 6: "event_time is not a time", 7: "sku is empty", 8: "too few columns", 9: "is empty",
        10: "too many columns", 11: "quote", 12: "bought is before what it followed", 14: "quote", 15: "within a quote",
    }.items():  # fmt: skip
        assert words in reasons[line], line


def test_lines_of_json_that_are_no_objects_are_told(home: Home, tmp_path: Path) -> None:
    good = json.dumps({"who": {"id": 7}, "ad": 12345678901234567890, "at": 1767607200123, "hit": True})
    (tmp_path / "log.jsonl").write_text(f'{good}\n{{"who": \n[1]\n\n{good.replace("true", "false").replace("7}", "8}")}\n')
    log = LOG | {"time": "epoch_ms", "columns": {"user": "$.who.id", "item": "ad", "ts": "at", "clicked": "hit"}}
    result = told(home, log, tmp_path / "log.jsonl", most_bad=1)
    assert quarantined(result) == [(2, "is no JSON object"), (3, "is no JSON object"), (4, "is empty")]
    shown = held(home, "impressions")
    assert sorted(shown["user_id"]) == ["7", "8"]
    assert set(shown["creative_id"]) == {"12345678901234567890"}
    assert set(shown["ts"]) == {pd.Timestamp("2026-01-05 10:00:00.123", tz="UTC")}


def test_too_many_bad_rows_land_nothing(home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(lines(",") + "x,,,,\n")
    with pytest.raises(Refused, match="1 of 4"):
        told(home, LOG, tmp_path / "log.csv")
    assert not any(home.files(name) for name in EVENTS | CATALOG)


@pytest.mark.parametrize(
    ("time", "cell", "moment"),
    [
        ("epoch_s", "1767607200", "2026-01-05 10:00"),
        ("epoch_s", "1767607200.5", "2026-01-05 10:00:00.5"),
        ("epoch_ms", "1767607200000", "2026-01-05 10:00"),
        ("epoch_us", "1767607200000001", "2026-01-05 10:00:00.000001"),
        ("iso", "2026-01-05T15:30:00+0530", "2026-01-05 10:00"),
        ("iso", "2026-01-05 07:00-03", "2026-01-05 10:00"),
        ("iso", "2026-01-05 10:00:00 UTC", "2026-01-05 10:00"),
        ("iso", "2026-01-05 10:00:00 +00:00", "2026-01-05 10:00"),
        ("iso", "2026-01-05 9:00:00", "2026-01-05 08:00"),
        ("iso", "2026-01-05", "2026-01-04 23:00"),
        ("iso", "2025-10-26 02:30", "2025-10-26 00:30"),  # twice on the clock: the first of the two
        ("%d.%m.%Y %H:%M", "05.01.2026 11:00", "2026-01-05 10:00"),
        ("%d/%b/%Y:%H:%M:%S %z", "05/Jan/2026:11:00:00 +0100", "2026-01-05 10:00"),
    ],
)
def test_times_of_every_form_are_moments(time: str, cell: str, moment: str, home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(f"u;i;t\nana;s1;{cell}\n")
    told(home, LOG | {"columns": {"user": "u", "item": "i", "ts": {"column": "t", "time": time}}}, tmp_path / "log.csv")
    assert held(home, "impressions")["ts"].tolist() == [pd.Timestamp(moment, tz="UTC")]


@pytest.mark.parametrize(
    ("time", "cell"),
    [("epoch_s", "1767607200000"), ("epoch_ms", "1767607200"), ("iso", "2026-13-01 10:00Z"), ("iso", "2025-03-30 02:30"), ("iso", "today")],
)
def test_what_is_no_time_is_set_aside(time: str, cell: str, home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(f"u;i;t\nana;s1;{cell}\n")
    log = LOG | {"columns": {"user": "u", "item": "i", "ts": {"column": "t", "time": time}}}
    ((line, reason),) = quarantined(told(home, log, tmp_path / "log.csv", most_bad=1))
    assert line == 2 and "t is not a time" in reason and cell in reason


def test_a_time_without_an_offset_needs_a_zone(home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(lines(","))
    with pytest.raises(IngestError, match=r"2026-01-05 11:00.*zone|2026-01-06 10:00.*zone"):
        told(home, {key: value for key, value in LOG.items() if key != "zone"}, tmp_path / "log.csv")
    assert not home.files("impressions")


def test_items_without_a_catalogue_are_ads_of_their_own_on_equal_terms(home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(lines(","))
    told(home, LOG, tmp_path / "log.csv")
    creatives, campaigns = held(home, "creatives").set_index("creative_id"), held(home, "campaigns").set_index("campaign_id")
    assert sorted(creatives.index) == ["s1", "s2"]
    assert creatives["advertiser_id"].nunique() == 2
    assert set(creatives["campaign_id"]) == set(campaigns.index)
    assert campaigns["bid_micros"].nunique() == 1
    assert set(held(home, "impressions")["campaign_id"]) == {"s1", "s2"}


@pytest.mark.parametrize("first", ["log", "items"])
def test_what_is_stated_of_an_item_counts_whichever_came_first(first: str, home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(lines(","))
    (tmp_path / "items.csv").write_text("sku,title,firm\ns1,Red shoes,acme\n")
    items = {
        "as": "creatives", "source": "shop", "columns": {"item": "sku", "headline": "title", "advertiser": "firm"},
        "constants": {"ts": "2026-01-01T00:00Z"},
    }  # fmt: skip
    deliveries = [(LOG, "log.csv"), (items, "items.csv")]
    for mapping, name in deliveries if first == "log" else reversed(deliveries):
        told(home, mapping, tmp_path / name)
    creatives = held(home, "creatives").set_index("creative_id")
    assert creatives.index.is_unique
    assert creatives.loc["s1", ["headline", "advertiser_id", "source"]].tolist() == ["Red shoes", "acme", "shop"]
    assert creatives.loc["s2", ["headline", "source"]].tolist() == ["s2", "shop-implied"]


def test_users_change_over_time_and_a_moment_that_is_stated_again_is_corrected(home: Home, tmp_path: Path) -> None:
    users = {"as": "users", "source": "shop", "columns": {"user": "id", "ts": "since", "age": "age", "gender": "sex"}}
    users["columns"]["gender"] = {"column": "sex", "values": {"F": "female", "M": "male"}}  # type: ignore[index]
    (tmp_path / "users.csv").write_text(
        "id,since,age,sex\nana,2026-01-01T00:00Z,34,F\nana,2026-01-03T00:00Z,35,F\nbob,2026-01-01T00:00Z,,\n"
    )
    assert told(home, users, tmp_path / "users.csv").kept == 3
    found = held(home, "users").sort_values(["user_id", "created_ts"])
    assert found["age_band"].tolist() == ["25-34", "35-44", "unknown"]
    assert found["gender"].tolist() == ["female", "female", "unknown"]
    (tmp_path / "users.csv").write_text("id,since,age,sex\nana,2026-01-03T00:00Z,36,M\nbob,2026-01-01T00:00Z,,\n")
    again = told(home, users, tmp_path / "users.csv")
    assert (again.kept, again.corrected, again.duplicated) == (1, 1, 1)
    assert held(home, "users").sort_values(["user_id", "created_ts"])["gender"].tolist() == ["female", "male", "unknown"]
    assert (
        pq.read_table(home.replaced("users", datetime(2026, 1, 3).date()) / "shop.parquet", partitioning=None)["gender"][0].as_py()
        == "female"
    )


def test_a_mapping_that_does_not_fit_a_long_log_is_refused_before_its_end(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "HOPELESS", 1_000)
    (tmp_path / "log.csv").write_text("u,i,t\n" + "ana,s1,2026-01-05T10:00Z\n" * 120_000)
    log = LOG | {"columns": {"user": "u", "item": "i", "ts": {"column": "t", "time": "epoch_s"}}}
    with pytest.raises(Refused, match="50,000 of 50,000"):
        told(home, log, tmp_path / "log.csv")
    (aside,) = (home.quarantine / "ingest" / "shop").glob("*.jsonl")
    assert len(aside.read_text().splitlines()) == 50_000
    monkeypatch.setattr(table_reader, "HOPELESS", 1_000)
    (tmp_path / "log.csv").write_text("u,i,t\n" + "ana;s1;2026-01-05T10:00Z\n" * 3_000)
    with pytest.raises(IngestError, match=r"3,000 of 3,001.*delimiter"):
        told(home, LOG | {"columns": {"user": "u", "item": "i", "ts": "t"}}, tmp_path / "log.csv", most_bad=1)
