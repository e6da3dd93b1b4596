"""`placard explain "QUERY"`: understanding, matches, quality, prices and words of the ads that a search gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipelines.__main__ import app
from pipelines.cli import arguments

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]


@pytest.fixture
def explain(searched: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """On the day after what was published, at noon."""
    monkeypatch.setenv("PLACARD_HOME", str(searched.home.root))
    monkeypatch.setenv("COLUMNS", "300")
    at = f"{searched.day + timedelta(days=1)}T12:00"
    return lambda query, *words: CliRunner().invoke(app, ["explain", query, "--at", at, *words])


def test_a_search_is_told_from_its_words_to_the_ads_that_it_gets(explain: Callable[..., Result], searched: Any) -> None:
    catalog = searched.log.catalog
    campaigns = {c["campaign_id"]: c for c in catalog["campaigns"].to_pylist()}
    bought = [k for k in catalog["keywords"].to_pylist() if not k["negative"] and k["match_type"] == "exact" and k["ad_group_id"]]
    told = []
    for keyword in bought[:40]:
        campaign = campaigns[keyword["campaign_id"]]
        where = [w for name in ("region", "language", "device") for v in campaign[f"{name}s"][:1] for w in (f"--{name}", v)]
        result = explain(keyword["text"], *where)
        assert result.exit_code == 0, result.output
        lines = result.output.splitlines()
        assert any(line.startswith(f"query: {keyword['text']!r} read as ") for line in lines)
        assert any(line.startswith("intent: ") for line in lines) and any("source Keywords" in line for line in lines)
        ads = [i for i, line in enumerate(lines) if re.match(r"1\. \S+ +cp[acm]: pCTR", line)]
        if ads:
            told.append((keyword["text"], lines[ads[0] : ads[0] + 5]))
    assert len(told) > 10, "most bought words find an ad somewhere they are targeted at"
    for _, (_, text, match, quality, price) in told:
        assert " | " in text and "{" not in text
        assert re.search(r"(top|bottom) of the page, (exact|phrase|broad|semantic) match", match)
        assert re.search(r"quality score (\d|10) of 10: expected CTR .*, ad relevance .*, landing page .*; factor", quality)
        assert re.search(r"[\d,]+ micros", price)
    assert any(f"exact match of [{text}]" in match for text, (_, _, match, *_) in told)


def test_who_is_not_named_sees_what_a_stranger_would_and_nobody_what_needs_no_counting(
    explain: Callable[..., Result], searched: Any
) -> None:
    catalog = searched.log.catalog
    capped = {c["campaign_id"] for c in catalog["campaigns"].to_pylist() if c["frequency_cap"]}
    campaign = {c["creative_id"]: c["campaign_id"] for c in catalog["creatives"].to_pylist()}
    texts = sorted({k["text"] for k in catalog["keywords"].to_pylist() if not k["negative"]})[:12]

    def shown(*words: str) -> set[str]:
        found = [json.loads(explain(text, "--json", "--device", "mobile", *words).output)["why"]["ads"] for text in texts]
        return {campaign[ad["creative_id"]] for ads in found for ad in ads}

    assert shown() & capped and not shown("--user", "") & capped
    assert shown("--user", "") - capped, "campaigns without a cap are shown to anybody"


def test_as_json_it_holds_the_same_and_nothing_is_recorded(explain: Callable[..., Result], searched: Any) -> None:
    before = sorted(p.name for p in searched.home.root.iterdir())
    why = json.loads(explain("laptop", "--json").output)["why"]
    assert why["understanding"][0].startswith("query: 'laptop' read as") and why["funnel"][-1][0] == "shown"
    assert bool(why["ads"]) != bool(why["no_ad_reason"])
    assert sorted(p.name for p in searched.home.root.iterdir()) == before


def test_a_time_that_is_none_is_refused(explain: Callable[..., Result]) -> None:
    result = explain("laptop", "--at", "soon")
    assert result.exit_code == 2 and "--at" in result.output and "'soon'. Use a day, 2026-01-18" in result.output


@pytest.mark.parametrize(("written", "kind"), [("iPhone", "mobile"), ("Smart TV", "tv"), ("DESKTOP", "desktop"), ("unknown", "unknown")])
def test_a_device_may_be_called_by_its_usual_name(written: str, kind: str) -> None:
    assert arguments.device(written) == kind


@pytest.mark.parametrize(
    "query", ["\udcff telescope", "\ud800", "\x1b[31m[bold]telescope[/]", "\u202eepocselet", "; DROP TABLE ads --", "\0"], ids=ascii
)
def test_any_text_is_explained_and_none_of_it_steers_the_terminal(explain: Callable[..., Result], query: str) -> None:
    result = explain(query)
    assert result.exit_code == 0, result.output
    assert not {c for c in result.output if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E}
