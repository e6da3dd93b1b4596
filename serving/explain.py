"""Why an ad was shown: the funnel, the price's derivation, and what moved the score, from the decision record alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_repo.services import INPUTS
from serving.bundles import Bundle
from serving.bundles.encoder import encode
from serving.decision import Decision, Price, RankedAd

TOP: Final = 8


@dataclass(frozen=True)
class Contribution:
    """A column's value at decision time (of an identity: the log-odds it stands for) and its share of the log-odds."""

    feature: str
    value: float
    log_odds: float


@dataclass(frozen=True)
class AdWhy:
    creative_id: str
    position: int
    score: str
    price: Price | None
    price_words: str
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class Why:
    """funnel: (step, candidates left) from sourced to shown; every drop stands with its rule."""

    decision_id: str
    rung: str
    policy: str
    snapshot: str
    flags: tuple[str, ...]
    no_ad_reason: str
    funnel: tuple[tuple[str, int], ...]
    ads: tuple[AdWhy, ...]
    runners_up: tuple[str, ...]


def _price_words(ad: RankedAd) -> str:
    if ad.price is None:
        return "not sold"
    p = ad.price
    unit = {"click": "per click", "impression": "for this impression", "conversion": "per conversion"}[p.charged_on]
    bid = f"the bid of {p.bid_micros:,} micros{' per thousand' if p.charged_on == 'impression' else ''}"
    if p.rule == "next":
        return f"{p.price_micros:,} micros {unit}: the least that keeps its place above an eCPM of {p.next_micros:,}; {bid} is the most"
    return f"{p.price_micros:,} micros {unit}: the least that clears the floor eCPM of {p.floor_micros:,}; {bid} is the most"


def _contributions(decision: Decision, ad: RankedAd, bundle: Bundle | None) -> tuple[Contribution, ...]:
    """The strongest columns; none when the bundle that scored is no longer at hand."""
    if bundle is None or bundle.name != decision.policy or not ad.features:
        return ()
    names = INPUTS[decision.input].names
    row = np.array([ad.features], np.float32)
    shares, values = bundle.contributions(row)[0][:-1], encode(row, bundle.encodings)[0]
    strongest = np.argsort(-np.abs(shares))[:TOP]
    return tuple(Contribution(names[i], float(values[i]), float(shares[i])) for i in strongest)


def why(decision: Decision, bundle: Bundle | None) -> Why:
    """Explains a decision; `bundle` is the one that scored it, when it can still be loaded."""
    f = decision.funnel
    steps = [(f"source {name}", n) for name, n in f.sources.items()]
    steps += [(f"rejected by {rule}", -n) for rule, n in f.rejected.items()]
    steps += [("narrowed by recall", -f.narrowed), ("held by the auction", -f.held), ("shown", f.shown)]
    ads = tuple(
        AdWhy(
            ad.creative_id, ad.position,
            f"{ad.objective}: pCTR {ad.pctr:.4%}{'' if ad.pcvr is None else f', pCVR {ad.pcvr:.3%}'}, quality {ad.quality:.3f}, "
            f"eCPM {ad.ecpm_micros:,} micros",
            ad.price, _price_words(ad), _contributions(decision, ad, bundle),
        )
        for ad in decision.shown
    )  # fmt: skip
    runners = tuple(f"{ad.creative_id}: eCPM {ad.ecpm_micros:,}" for ad in decision.held[:5])
    return Why(
        decision.decision_id, decision.rung, decision.policy, decision.snapshot, decision.flags, decision.no_ad_reason,
        tuple(steps), ads, runners,
    )  # fmt: skip
