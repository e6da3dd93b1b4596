"""What people see is what was bought: from a catalogue through its publication to an answer over HTTP."""

from __future__ import annotations

import html
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_repo.home import Home
from serving.http.app import create_app
from serving.language.markup import LIMIT, width
from serving.settings import Settings
from serving.snapshot import set_current, write_snapshot
from tests.made import Known
from tests.serving.conftest import TestClient
from tests.serving.search_engine import NOON, catalogue


@dataclass(frozen=True)
class Case:
    """A creative with its one keyword. asked: the search; "" for the keyword. read: what people see by place; None for no ad."""

    bought: str = "running shoes"
    kind: str = "broad"
    asked: str = ""
    texts: dict[str, Any] = field(default_factory=lambda: {"headline": "{KeyWord:Default}"})
    read: dict[str, str] | None = None


def inserted(bought: str, kind: str, headline: str, asked: str = "", template: str = "{KeyWord:Default}") -> Case:
    return Case(bought, kind, asked, {"headline": template}, {"headline": headline})


AS_BOUGHT = [
    inserted("Fußball", "broad", "Fußball"), inserted("Δρόμος", "broad", "Δρόμος"), inserted("Acme™", "broad", "Acme™"),
    inserted("Café crème", "phrase", "Café Crème"), inserted("İstanbul otel", "exact", "İstanbul Otel"),
    inserted("İstanbul otel", "exact", "istanbul otel", template="{keyword:Default}"), inserted("t-shirt", "broad", "T-shirt"),
    inserted("usb c cable", "exact", "Usb C Cable"), inserted("7 qt pot", "phrase", "7 Qt Pot"), inserted("C++ book", "broad", "C++ Book"),
    inserted("size 9.5 shoes", "exact", "Size 9.5 Shoes"), inserted("東京ホテル", "phrase", "東京ホテル"),
    inserted("مجّاني", "broad", "مجّاني"),
    inserted("ёлка", "broad", "Ёлка"), inserted("Łódź hotel", "broad", "Łódź Hotel"), inserted("ﬁne art", "broad", "Fine Art"),
]  # fmt: skip
WITHOUT_SYNTAX = [
    inserted("[garden hose]", "exact", "Garden Hose"), inserted("+trail +boots", "broad", "Trail Boots"),
    inserted('"city hotel"', "phrase", "City Hotel"), inserted("“city flat”", "phrase", "City Flat"),
]  # fmt: skip
OTHERWISE_ASKED = [
    inserted(bought, "broad", bought.lower(), asked, "{keyword:Default}")
    for bought, asked in [("usb a cable", "USBA cable"), ("Größe", "GROSSE"), ("Bar café", "bar cafe"), ("nike max", "nik\u0435 max")]
]
DEFAULTS = [
    Case(f"pump z{chr(97 + i)}{place}", texts={"headline": "Shoes", place: written}, read={place: read})
    for place in LIMIT
    for i, (written, read) in enumerate([
        ("From {param1:20} dollars", "From 20 dollars"), ("{Key Word:Default}!", "Default!"), ("In {LOCATION(City):town}", "In town"),
        ("{IF(device=mobile,tap):click} here", "click here"), ("{CUSTOMIZER.Price:cheap} shoes", "cheap shoes"),
    ])
]  # fmt: skip
REFUSED = [
    Case(f"valve z{chr(97 + i)}{other}", texts={"headline": "Shoes", "headlines": [written]} if other else {"headline": written})
    for other in (False, True)
    for i, written in enumerate([
        "{param1} off", "{=COUNTDOWN(2026/12/24)} left", "Ends in COUNTDOWN(x)", "Hotels in LOCATION(City)", "%%TITLE%%", "[[name]] sale",
        "${price} only", "{CUSTOMIZER.Price} shoes", "{KeyWord:" + "x" * 31 + "}", "{KeyWord:" + "京" * 16 + "}",
        "{param1:" + "京" * 16 + "}",
    ])
]  # fmt: skip
WIDTHS = [
    inserted("京" * 15, "broad", "京" * 15), inserted("京" * 16, "exact", "Default"), inserted("x" * 30, "broad", "X" + "x" * 29),
    inserted("x" * 31, "broad", "Default"), inserted("한" * 15, "broad", "한" * 15), inserted("한" * 16, "broad", "Default"),
]  # fmt: skip
CASES = [*AS_BOUGHT, *WITHOUT_SYNTAX, *OTHERWISE_ASKED, *DEFAULTS, *REFUSED, *WIDTHS]


def catalog() -> dict[str, pa.Table]:
    """An advertiser, a campaign, an ad group, a creative and a keyword a case."""
    out = catalogue()
    usual = {name: out[name].to_pylist()[-1] for name in out}
    creative = usual["creatives"] | {"headlines": [], "descriptions": []}
    rows = {
        "advertisers": [usual["advertisers"] | {"advertiser_id": f"a{i}", "brand": f"Brand{i}"} for i in range(len(CASES))],
        "campaigns": [usual["campaigns"] | {"campaign_id": f"k{i}", "advertiser_id": f"a{i}"} for i in range(len(CASES))],
        "ad_groups": [usual["ad_groups"] | {"ad_group_id": f"g{i}", "campaign_id": f"k{i}"} for i in range(len(CASES))],
    }
    owned = [{"ad_group_id": f"g{i}", "campaign_id": f"k{i}"} for i in range(len(CASES))]
    rows["creatives"] = [
        creative | own | {"creative_id": f"c{i}", "advertiser_id": f"a{i}"} | case.texts
        for i, (own, case) in enumerate(zip(owned, CASES, strict=True))
    ]
    rows["keywords"] = [
        usual["keywords"]
        | own
        | {"keyword_id": f"w{i}", "text": case.bought, "match_type": case.kind, "negative": False, "bid_micros": 10**6}
        for i, (own, case) in enumerate(zip(owned, CASES, strict=True))
    ]
    return out | {name: pa.Table.from_pylist(those, out[name].schema) for name, those in rows.items()}


@pytest.fixture(scope="module")
def client(
    template: Home, tmp_path_factory: pytest.TempPathFactory, searching: Any, settings_for: Callable[..., Settings]
) -> Iterator[TestClient]:
    home = Home(Path(shutil.copytree(template.root, tmp_path_factory.mktemp("texts") / "placard")))
    set_current(home.snapshots, write_snapshot(home.snapshots, NOON, catalog(), {}, searching.live.encoder))
    with TestClient(create_app(settings_for(home, semantic_quota=0, semantic_below=0), Known())) as made:
        yield made


def shown(client: TestClient, case: Case) -> list[dict[str, Any]]:
    """The ads of the case's creative that its search shows."""
    answer = client.post("/v1/search", json={"query": case.asked or case.bought, "slots": 20})
    assert answer.status_code == 200, answer.text
    return [ad for ad in answer.json()["ads"] if ad["creative_id"] == f"c{CASES.index(case)}"]


def read(client: TestClient, case: Case) -> None:
    ads, expected = shown(client, case), case.read or {}
    assert ads and [{place: html.unescape(ad[place]) for place in expected} for ad in ads] == [expected], case


@pytest.mark.parametrize("case", AS_BOUGHT, ids=lambda c: ascii(c.bought))
def test_a_keyword_is_inserted_as_it_was_bought(client: TestClient, case: Case) -> None:
    read(client, case)


@pytest.mark.parametrize("case", WITHOUT_SYNTAX, ids=lambda c: ascii(c.bought))
def test_without_the_syntax_of_match_types(client: TestClient, case: Case) -> None:
    read(client, case)


@pytest.mark.parametrize("case", OTHERWISE_ASKED, ids=lambda c: ascii(c.asked))
def test_what_is_inserted_is_the_keyword_and_not_the_search(client: TestClient, case: Case) -> None:
    read(client, case)


@pytest.mark.parametrize("case", DEFAULTS, ids=lambda c: str(c.read))
def test_placeholders_of_other_platforms_show_their_defaults(client: TestClient, case: Case) -> None:
    read(client, case)


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: ascii(c.texts))
def test_a_text_that_nobody_may_see_keeps_its_creative_out(client: TestClient, case: Case) -> None:
    assert shown(client, case) == []


@pytest.mark.parametrize("case", WIDTHS, ids=lambda c: ascii(c.bought))
def test_a_limit_is_one_of_width(client: TestClient, case: Case) -> None:
    read(client, case)
    assert width((case.read or {})["headline"]) <= LIMIT["headline"]
