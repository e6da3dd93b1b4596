"""The record of a decision, and why it fell as it did."""

from __future__ import annotations

from typing import Any

from feature_repo.services import CLICK


def test_the_record_adds_up(api: Any) -> None:
    answer = api.ask()
    record = api.client.get(f"/v1/decisions/{answer['decision_id']}").json()
    funnel = record["funnel"]
    assert sum(funnel["sources"].values()) == funnel["shown"] + funnel["held"] + sum(funnel["rejected"].values()) + funnel["narrowed"]
    assert [ad["creative_id"] for ad in record["shown"]] == [ad["creative_id"] for ad in answer["ads"]]
    assert all(len(ad["features"]) == len(CLICK.columns) for ad in record["shown"])
    assert (record["policy"], record["request"]["user_id"]) == ("click@1", "u1")


def test_why_has_drops_by_rule_prices_and_contributions(api: Any) -> None:
    answer = api.ask()
    record = api.client.get(f"/v1/decisions/{answer['decision_id']}").json()
    why = api.client.get(f"/v1/decisions/{answer['decision_id']}/why").json()
    steps = dict(why["funnel"])
    assert {f"rejected by {rule}": -count for rule, count in record["funnel"]["rejected"].items()}.items() <= steps.items()
    assert "rejected by Targeting" in steps and steps["shown"] == 3
    for said, shown in zip(why["ads"], answer["ads"], strict=True):
        assert f"{shown['price_micros']:,} micros per click" in said["price_words"]
        shares = [abs(c["log_odds"]) for c in said["contributions"]]
        assert len(shares) == 8 and shares == sorted(shares, reverse=True) and shares[0] > 0
        assert {c["feature"] for c in said["contributions"]} <= set(CLICK.names)
    assert why["runners_up"]


def test_the_id_of_the_asker_is_kept_for_replay(api: Any) -> None:
    answer = api.ask(request_id="mine-1")
    assert api.client.get(f"/v1/decisions/{answer['decision_id']}").json()["request"]["request_id"] == "mine-1"


def test_the_openapi_document_names_every_route(api: Any) -> None:
    paths = api.client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/v1/ads", "/v1/search", "/v1/events", "/v1/decisions/{decision_id}", "/v1/decisions/{decision_id}/why",
                          "/v1/seen", "/v1/click", "/v1/creatives/{creative_id}/image", "/v1/campaigns/{campaign_id}/pause",
                          "/v1/campaigns/{campaign_id}/resume", "/healthz", "/readyz",
                          "/metrics"}  # fmt: skip
    assert {"200", "413", "422"} <= set(paths["/v1/ads"]["post"]["responses"])
