"""A guessed mapping reads the file that it was made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from feature_repo.home import Home
from pipelines.ingest.collect import ingest
from pipelines.ingest.format import IngestError
from pipelines.ingest.table.guess import guessed
from pipelines.ingest.table.mapped_table import MappedTable
from pipelines.ingest.table.mapping import read_mapping

MOMENTS = [f"2026-01-0{day} 1{hour}:30:00" for day in range(1, 6) for hour in range(6)]


def frame(**columns: object) -> pd.DataFrame:
    rows = {"member_id": [f"m{i % 7}" for i in range(30)], "SKU": [f"s{i % 4}" for i in range(30)], "Event Time": MOMENTS}
    return pd.DataFrame(rows | {"clicked": [i % 3 == 0 for i in range(30)], "note": "x, y", "nothing": ""} | columns)


def epochs(rows: pd.DataFrame, unit: str) -> pd.DataFrame:
    moments = pd.to_datetime(rows["Event Time"], utc=True).astype("datetime64[ns, UTC]").astype("int64")
    return rows.assign(**{"Event Time": moments // {"s": 10**9, "ms": 10**6}[unit]})


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "commas": (lambda path: frame().to_csv(path, index=False), "iso"),
    "semicolons, seconds": (lambda path: epochs(frame(), "s").to_csv(path, index=False, sep=";"), "epoch_s"),
    "JSON lines, milliseconds": (lambda path: epochs(frame(), "ms").to_json(path, orient="records", lines=True), "epoch_ms"),
    "Parquet": (lambda path: frame(**{"Event Time": pd.to_datetime(MOMENTS, utc=True)}).to_parquet(path), "iso"),
    "a pattern": (
        lambda path: frame(**{"Event Time": pd.to_datetime(MOMENTS).strftime("%d.%m.%Y %H:%M")}).to_csv(path, index=False, sep="\t"),
        "%d.%m.%Y %H:%M",
    ),
    "the encoding of spreadsheets": (lambda path: frame(note="fünf €").to_csv(path, index=False, sep=";", encoding="cp1252"), "iso"),
    "gzip": (lambda path: frame().to_csv(path, index=False, compression="gzip"), "iso"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_guessed_mapping_reads_its_file(name: str, home: Home, tmp_path: Path) -> None:
    write, time = FILES[name]
    write(tmp_path / "Shop log.export")
    look = guessed(tmp_path / "Shop log.export")
    assert (look.table, look.missing, look.rows) == ("impressions", (), 30)
    assert dict(look.found) == {"user": "member_id", "item": "SKU", "ts": "Event Time", "clicked": "clicked"}
    (tmp_path / "m.yaml").write_text(look.text)
    mapping = read_mapping(tmp_path / "m.yaml")
    assert (mapping.source, mapping.columns["ts"].time) == ("shop-log", time)
    result = ingest(home, MappedTable(mapping), tmp_path / "Shop log.export")
    assert result.kept == 30 and result.tables["engagements"] == 10


def test_what_was_seen_of_every_column_stands_beside_the_guess(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "log.csv", index=False)
    columns = {column.name: column for column in guessed(tmp_path / "log.csv").columns}
    assert (columns["nothing"].kind, columns["nothing"].empty) == ("empty", 1.0)
    assert (columns["Event Time"].kind, columns["Event Time"].zoned) == ("time", False)
    assert columns["member_id"].distinct == 7 and columns["member_id"].samples == ("m0", "m1", "m2")
    text = guessed(tmp_path / "log.csv").text
    assert "zone: UTC  # Event Time bears no offset" in text and "100% empty" in text


@pytest.mark.parametrize(
    ("header", "row", "table"),
    [
        ("user_id,age,gender,country,updated_at", "7,34,f,de,2026-01-01T00:00Z", "users"),
        ("campaign_id,daily_budget,status,start_date", "7,30,active,2026-01-01", "campaigns"),
        ("sku,title,description,url,updated_at", "7,Shoes,Red ones,https://a.example,2026-01-01", "creatives"),
        ("time,uid,search_query,country", "2026-01-01,7,red shoes,de", "queries"),
        ("campaign,ad_group,keyword,match_type", "7,8,red shoes,exact", "keywords"),
    ],
)
def test_what_a_row_is_is_seen_in_its_columns(header: str, row: str, table: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n")
    assert guessed(tmp_path / "t.csv").table == table


def test_what_no_column_looks_like_is_said_and_the_mapping_wants_it(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("who,what,clicked\nana,s1,1\n")
    look = guessed(tmp_path / "log.csv", "impressions")
    assert look.missing == ("ts", "item") and "REQUIRED" in look.text
    (tmp_path / "m.yaml").write_text(look.text)
    with pytest.raises(IngestError, match="missing"):
        read_mapping(tmp_path / "m.yaml")
    mapping = read_mapping(tmp_path / "m.yaml", {"columns": {"item": "what"}, "constants": {"ts": "2026-01-01T00:00Z"}})
    assert mapping.columns["item"].name == "what"


def test_names_and_cells_that_are_yaml_themselves_stay_text(tmp_path: Path) -> None:
    columns = {"user: [id]": ["a", "# b"], 'it\'em "x"': ["- c", "{d}"], "ts": ["2026-01-01T00:00Z", "2026-01-02T00:00Z"]}
    (tmp_path / "log.jsonl").write_text(
        "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in zip(*columns.values(), strict=True))
    )
    (tmp_path / "m.yaml").write_text(guessed(tmp_path / "log.jsonl", "impressions").text)
    mapping = read_mapping(tmp_path / "m.yaml", {"columns": {"user": "user: [id]", "item": 'it\'em "x"'}})
    assert mapping.columns["ts"].name == "ts"


def test_a_title_before_the_header_is_skipped(home: Home, tmp_path: Path) -> None:
    report = 'Keyword report\n"January 1, 2026 - January 31, 2026"\n'
    (tmp_path / "k.csv").write_text(report + "Campaign,Ad group,Keyword,Match type,ts\nSale,Core,red shoes,exact,2026-01-31T00:00Z\n")
    look = guessed(tmp_path / "k.csv")
    assert (look.table, look.missing) == ("keywords", ())
    (tmp_path / "m.yaml").write_text(look.text)
    mapping = read_mapping(tmp_path / "m.yaml")
    assert mapping.file.skip == 2
    assert ingest(home, MappedTable(mapping), tmp_path / "k.csv").kept == 1


@pytest.mark.parametrize("path", ["/dev/zero", "."])
def test_what_is_no_file_is_not_looked_at(path: str) -> None:
    with pytest.raises(IngestError, match="no file"):
        guessed(Path(path))
