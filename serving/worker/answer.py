"""Turns a decision into the plain values that the API answers with."""

from __future__ import annotations

from typing import cast

from serving.record.decision import Decision


def answer(decision: Decision, texts: list[dict[str, str]], addresses: list[dict[str, str]]) -> dict[str, object]:
    """The answer to POST /v1/ads, or to a search; texts: headline, description, ... of each shown ad; addresses: of each, where to tell
    what came of it, and its image."""
    found = plain_answer(decision, texts, addresses)
    if decision.request.surface != "search":
        return found
    query = decision.query
    read = None if query is None else {
        "normalised": query.normalised, "corrections": query.corrections, "intent": query.intent, "commercial": query.commercial,
        "categories": query.categories[:3], "entities": [f"{e.kind}: {e.text}" for e in query.entities],
    }  # fmt: skip
    ads = [
        {
            **plain,
            "block": ad.block,
            "match": ad.match,
            "keyword": ad.keyword,
            "quality_score": ad.quality_parts.score if ad.quality_parts else 0,
        }
        for plain, ad in zip(cast(list[dict[str, object]], found["ads"]), decision.shown, strict=True)
    ]
    return {**found, "understanding": read, "ads": ads}


def plain_answer(decision: Decision, texts: list[dict[str, str]], addresses: list[dict[str, str]]) -> dict[str, object]:
    """What every surface answers."""
    return {
        "decision_id": decision.decision_id,
        "rung": decision.rung,
        "no_ad_reason": decision.no_ad_reason,
        "flags": (*decision.flags, *decision.errors),
        "policy": decision.policy,
        "ads": [
            {
                "position": ad.position, "creative_id": ad.creative_id, "campaign_id": ad.campaign_id, "pctr": ad.pctr,
                "price_micros": ad.price.price_micros if ad.price else 0,
                "charged_on": ad.price.charged_on if ad.price else "", **text, **where,
            }
            for ad, text, where in zip(decision.shown, texts, addresses, strict=True)
        ],
    }  # fmt: skip
