"""What a shown ad asks of the ledger, and what it is charged for: from the record of a decision."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from serving.ledger.ledger import Promise, Sale
from serving.record.decision import Decision, RankedAd

FADES: Final = {"impression": 60.0, "click": 1_800.0, "conversion": 86_400.0}
"""Seconds within which most of the events come that an ad is paid for, if they come: see outstanding.py. Rather too long than too short."""


def place_of(decision_id: str, ad: RankedAd) -> str:
    """Names one ad on one page; an ad stands on a page once."""
    return f"{decision_id}|{ad.creative_id}"


def promise_of(decision_id: str, ad: RankedAd, cap: int, until: datetime) -> Promise:
    """What an ad asks for before it is shown. cap, until: see Promise."""
    price, fade = (ad.price.price_micros, FADES[ad.price.charged_on]) if ad.price is not None else (0, 1.0)
    return Promise(place_of(decision_id, ad), ad.campaign_id, price, _chance(ad), fade, ad.budget_micros or 0, cap, until)


def sale_of(decision: Decision, ad: RankedAd, budget_micros: int) -> Sale:
    """The sale of an ad that was shown at a price. Whatever ids its events carry, it is one sale."""
    assert ad.price is not None, "what is sold has a price"
    kind = ad.price.charged_on
    key = f"{place_of(decision.decision_id, ad)}|{kind}"
    return Sale(key, ad.campaign_id, ad.price.price_micros, budget_micros, decision.decided_at, _chance(ad), FADES[kind])


def _chance(ad: RankedAd) -> float:
    """The probability that a shown ad is charged, as its scores foretold."""
    kind = ad.price.charged_on if ad.price is not None else ""
    return {"impression": 1.0, "click": ad.pctr, "conversion": ad.pctr * (ad.pcvr or 0.0)}.get(kind, 0.0)
