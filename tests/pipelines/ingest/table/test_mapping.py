"""What is wrong with a mapping is said with its place, what is known, and what comes nearest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.ingest.format import IngestError
from pipelines.ingest.table.mapped_table import MappedTable
from pipelines.ingest.table.mapping import mapping_of, pairs_of, read_mapping
from pipelines.ingest.table.shipped import SHIPPED
from pipelines.ingest.table.vocabulary import FIELDS

GOOD: dict[str, Any] = {"as": "impressions", "source": "shop", "columns": {"user": "u", "item": "i", "ts": "t"}}


def with_(**changes: Any) -> dict[str, Any]:
    return GOOD | {name.rstrip("_"): value for name, value in changes.items()}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (with_(as_="impression"), "Did you mean impressions"),
        (with_(columns={"usr": "u", "item": "i", "ts": "t"}), "Did you mean user"),
        (with_(columns={"user": "u", "ts": "t"}), "'item'.*missing"),
        (with_(colums={}), "Did you mean columns"),
        (with_(features={"user": ["age"]}), "no such key"),
        (with_(file={"delimeter": ";"}), "Did you mean delimiter"),
        (with_(file={"encoding": "utf-9"}), "utf-9"),
        (with_(file={"encoding": "base64"}), "no encoding of text"),
        (with_(file={"delimiter": "ab"}), "delimiter"),
        (with_(file={"delimiter": '"'}), "cannot stand between"),
        (with_(zone="Europe/Berlinn"), "Did you mean Europe/Berlin"),
        (with_(time="epoch"), "epoch_s"),
        (with_(columns={"user": {"column": "u", "time": "epoch_s"}, "item": "i", "ts": "t"}), "for times"),
        (with_(columns={"user": {"column": "u", "unit": "micros"}, "item": "i", "ts": "t"}), "for money"),
        (with_(columns={"user": {"colum": "u"}, "item": "i", "ts": "t"}), "Field required|no such key"),
        (with_(columns={"user": "u", "item": "i", "ts": "t", "position": ["a", "b"]}), "several columns"),
        (with_(columns={"user": [], "item": "i", "ts": "t"}), "at least 1"),
        (with_(constants={"item": "x"}), "both a column and a constant"),
        (with_(source="Shop!"), "pattern"),
        (with_(source="serving"), "of Placard's own"),
        (with_(source="shop-implied"), "must not end"),
        (with_(columns={}), "at least 1"),
        ([], "keys and values"),
        ({"as": "users", "columns": {"user": "u", "ts": "t", "age": "a", "age_band": "b"}}, "both age and age_band"),
    ],
)
def test_a_wrong_mapping_is_refused_with_what_is_known(given: Any, words: str) -> None:
    with pytest.raises(IngestError, match=rf"(?si){words}"):
        mapping_of(given, "shop.yaml")


@pytest.mark.parametrize(
    "constants", [{"surface": "fed"}, {"position": "first"}, {"position": "0"}, {"propensity": "0"}, {"clicked_at": "2026-01-01 10:00"}]
)
def test_a_constant_that_its_field_cannot_hold_is_refused(constants: dict[str, str]) -> None:
    with pytest.raises(IngestError, match=next(iter(constants))):
        MappedTable(mapping_of(with_(constants=constants), "shop.yaml"))


@pytest.mark.parametrize(
    ("text", "words"), [("as: [", "not YAML in line"), ("- 1", "keys and values"), ("", "keys and values"), ("as: \x00", "not YAML")]
)
def test_a_file_that_is_no_mapping_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(IngestError, match=words):
        read_mapping(tmp_path / "m.yaml")
    with pytest.raises(IngestError, match="cannot be read"):
        read_mapping(tmp_path / "gone.yaml")


def test_what_yaml_reads_as_a_number_a_truth_or_a_day_is_a_word(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "as: users\nzone: UTC\nconstants: {ts: 2026-01-31}\n"
        "columns: {user: 7, gender: {column: sex, values: {1: female, true: male, no: other}}}\n"
    )
    mapping = read_mapping(tmp_path / "m.yaml")
    assert mapping.columns["user"].column == ("7",)
    assert mapping.columns["gender"].values == {"1": "female", "true": "male", "no": "other"}
    assert mapping.constants == {"ts": "2026-01-31"}


def test_what_is_said_beside_a_file_counts_before_it(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("as: impressions\nsource: shop\ncolumns: {user: u, item: i}\n")
    mapping = read_mapping(tmp_path / "m.yaml", {"source": "other", "columns": {"ts": "t", "user": "v"}})
    assert (mapping.source, mapping.columns["user"].name, mapping.columns["ts"].name) == ("other", "v", "t")


@pytest.mark.parametrize("text", ["user", "user=", "=x", "user=a,user=b", ""])
def test_pairs_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(IngestError, match="--map"):
        pairs_of([text], "--map")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_mappings_are_whole_but_for_a_moment(name: str) -> None:
    reports = name.startswith(("google-ads", "meta-ads"))
    mapping = read_mapping(SHIPPED[name], {"constants": {"ts": "2026-01-31T00:00Z"}} if reports else {})
    assert name.startswith(MappedTable(mapping).name)


def test_the_mapping_in_the_documents_is_one_and_names_every_table(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "how-to" / "bring-your-own-tables.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "m.yaml").write_text(block)
    mapping = read_mapping(tmp_path / "m.yaml")
    assert mapping.columns["item"].column == ("family", "sku") and mapping.only == {"country": ("DE", "AT")}
    told = page.split("| `as` |")[1].split("\n\n")[0]
    assert {*re.findall(r"`([a-z-]+)`", told)} >= {*FIELDS}
    assert all(f"`{name}`" in page for name in SHIPPED)
