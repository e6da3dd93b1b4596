"""POST /v1/search: an answer that can be shown and explained; a defined one for whatever is sent or absent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from serving.snapshot import open_current, set_current
from serving.snapshot.manifest import write_columns


@pytest.fixture
def web(serve: Callable[..., Any], published_home: Home, searching: Any) -> Any:
    """An application over a home whose catalogue has keywords."""
    snapshot = searching.live.snapshot
    set_current(published_home.snapshots, write_columns(published_home.snapshots, snapshot.as_of, dict(snapshot.arrays), len(snapshot)))
    assert open_current(published_home.snapshots).keywords is not None
    return serve(published_home)


def test_an_answer_has_ads_to_show_and_says_how_the_query_was_read(web: Any) -> None:
    answer = web.client.post("/v1/search", json={"query": "Running SHOES", "user_id": "u1", "device": "mobile"}).json()
    assert answer["understanding"]["normalised"] == "running shoes" and len(answer["ads"]) == 4
    for ad in answer["ads"]:
        assert ad["block"] in ("top", "bottom") and ad["match"] == "exact" and ad["keyword"] == "running shoes"
        assert 1 <= ad["quality_score"] <= 10 and ad["price_micros"] > 0 and "{" not in ad["headline"]
    why = web.client.get(f"/v1/decisions/{answer['decision_id']}/why").json()
    assert why["understanding"][0].startswith("query: 'Running SHOES' read as 'running shoes'")
    assert all(ad["match_words"] and ad["quality_words"] and ad["text_words"] for ad in why["ads"])
    record = web.client.get(f"/v1/decisions/{answer['decision_id']}").json()
    assert record["query"]["tokens"] == ["running", "shoes"] and record["shown"][0]["text"]["headline"] == answer["ads"][0]["headline"]


def test_a_call_to_action_can_stand_in_html(published_home: Home, serve: Callable[..., Any], searching: Any) -> None:
    arrays = dict(searching.live.snapshot.arrays)
    arrays["text.call_to_action"] = np.full(len(searching.live.snapshot), b"<b>Buy {KeyWord:shoes} & go{")
    set_current(
        published_home.snapshots,
        write_columns(published_home.snapshots, searching.live.snapshot.as_of, arrays, len(searching.live.snapshot)),
    )
    ads = serve(published_home).client.post("/v1/search", json={"query": "running shoes"}).json()["ads"]
    assert {ad["call_to_action"] for ad in ads} == {"&lt;b&gt;Buy shoes &amp; go"}
    assert all(ad["landing_url"].startswith("https://") or not ad["landing_url"] for ad in ads)


def test_without_the_encoder_that_the_catalogue_was_made_with_keywords_answer(web: Any) -> None:
    answer = web.client.post("/v1/search", json={"query": "running shoes"}).json()
    assert {"language_absent", "encoder_absent"} <= set(answer["flags"]) and answer["ads"]
    assert "encoder" in web.client.get("/readyz").json()["refused"]


@pytest.mark.parametrize("query", ["", " ", "👟", "שלום", "free running shoes", "a" * 2000, "\u202e", "<script>{keyword:x}"])
def test_odd_queries_are_answered(web: Any, query: str) -> None:
    answer = web.client.post("/v1/search", json={"query": query})
    assert answer.status_code == 200 and bool(answer.json()["ads"]) != bool(answer.json()["no_ad_reason"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": 7}, "query"),
        ({"query": "x" * 2001}, "query"),
        ({"query": "x", "slots": 0}, "slots"),
        ({"query": "x", "surface": "feed"}, "surface"),
    ],
)
def test_a_bad_body_names_its_field(web: Any, body: dict[str, object], field: str) -> None:
    answer = web.client.post("/v1/search", json=body)
    assert answer.status_code == 422 and answer.json()["error"]["thing"] == field


def test_searches_are_not_sent_to_ads(web: Any) -> None:
    answer = web.client.post("/v1/ads", json={"surface": "search", "user_id": "u1"})
    assert answer.status_code == 422 and "POST /v1/search" in answer.json()["error"]["fix"]


def test_a_click_on_a_search_ad_is_billed_at_its_price(web: Any) -> None:
    answer = web.client.post("/v1/search", json={"query": "garden hose", "user_id": "u1"}).json()
    ad = answer["ads"][0]
    of_ad = {"decision_id": answer["decision_id"], "creative_id": ad["creative_id"], "ts": datetime.now(UTC).isoformat()}
    events = [{**of_ad, "event_id": kind, "kind": kind} for kind in ("impression", "click")]
    assert web.client.post("/v1/events", json={"events": events}).json()["charged_micros"] == ad["price_micros"]
