"""`placard explain "QUERY"`: a search over what is published is decided now, and told from its words to each ad's price and text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.cli.explain import _decide
from serving.decision import Decision
from serving.request import AdRequest
from serving.settings import Settings

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]


@pytest.fixture
def explained(searched: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """explained(words): the standard output of the verb over the learned and published market, at the noon after its last day:
    by now its campaigns are over."""
    noon = datetime.combine(searched.day + timedelta(days=1), time(12), UTC)

    def then(settings: Settings, request: AdRequest) -> Decision:
        return _decide(settings, replace(request, ts=noon))

    monkeypatch.setenv("PLACARD_HOME", str(searched.home.root))
    monkeypatch.setattr("pipelines.cli.explain._decide", then)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["explain", *words])
        assert done.exit_code == 0, done.stderr
        return str(done.stdout)

    return run


def test_the_story_is_all_of_what_was_understood_and_decided(explained: Any) -> None:
    lines = explained("cheap runing shoes").splitlines()
    why = json.loads(explained("cheap runing shoes", "--json"))["why"]
    assert lines[1].startswith("query: 'cheap runing shoes' read as 'cheap running shoes'")
    assert "spelling: runing → running" in lines
    assert any(line.startswith("intent: transactional ") and ", commercial " in line for line in lines)
    assert next(line for line in lines if line.startswith("categories: ")).split()[1] == "sports"
    assert why["ads"], why["funnel"]
    starts = [next(i for i, line in enumerate(lines) if line.startswith(f"{ad['position']}. {ad['creative_id']}  ")) for ad in why["ads"]]
    assert starts == sorted(starts)
    for ad, start, end in zip(why["ads"], starts, [*starts[1:], len(lines)], strict=True):
        mine = "\n".join(lines[start:end])
        assert "pCTR " in lines[start] and ", eCPM " in lines[start], "what it ranks by"
        assert ad["match_words"] in mine and " match" in ad["match_words"]
        assert "semantic" in ad["match_words"] or "[" in ad["match_words"].split(" match of ")[1], "its keyword"
        for part in ("quality score ", "expected CTR ", "ad relevance ", "landing page ", "; factor "):
            assert part in ad["quality_words"] and ad["quality_words"] in mine
        assert ad["price"]["price_micros"] > 0 and f"{ad['price']['price_micros']:,} micros" in mine
        headline, description = ad["text_words"].split(" | ", 1)
        assert headline and description and "{" not in headline and ad["text_words"] in mine
    assert any("[" in ad["match_words"] for ad in why["ads"]), "no ad was found by a keyword"


def test_asking_to_know_is_told_as_such(explained: Any) -> None:
    assert "\nintent: informational " in explained("how to choose a laptop")


def test_to_explain_a_query_leaves_no_trace(explained: Any) -> None:
    first, again = (json.loads(explained("running shoes", "--json"))["why"] for _ in range(2))
    assert first["ads"] and first["ads"] == again["ads"] and first["funnel"] == again["funnel"], "a budget or cap was touched"
    unknown = first["decision_id"]
    assert f"query: '{unknown}'" in explained(unknown), "a decision that was not recorded is read as a query"
