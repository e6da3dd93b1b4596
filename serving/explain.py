"""Why an ad was shown: the funnel, the price's derivation, and what moved the score, from the decision record alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_repo.services import places_in
from serving.bundles import Bundle
from serving.record.decision import Decision, Price, RankedAd
from serving.record.query import Query

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
    match_words: str
    quality_words: str
    text_words: str
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class Why:
    """funnel: (step, candidates left) from sourced to shown; every drop stands with its rule. refused: bundles that were not heard."""

    decision_id: str
    rung: str
    policy: str
    snapshot: str
    flags: tuple[str, ...]
    refused: tuple[str, ...]
    no_ad_reason: str
    understanding: tuple[str, ...]
    funnel: tuple[tuple[str, int], ...]
    ads: tuple[AdWhy, ...]
    runners_up: tuple[str, ...]


def _price_words(ad: RankedAd) -> str:
    if ad.price is None:
        return "not sold"
    p = ad.price
    if p.rule == "threshold":
        return f"{p.price_micros:,} micros: the least that clears its slot's rank score of {p.threshold_micros:,}; bid {p.bid_micros:,}"
    unit = {"click": "per click", "impression": "for this impression", "conversion": "per conversion"}[p.charged_on]
    bid = f"the bid of {p.bid_micros:,} micros{' per thousand' if p.charged_on == 'impression' else ''}"
    if p.rule == "next":
        return f"{p.price_micros:,} micros {unit}: the least that keeps its place above an eCPM of {p.next_micros:,}; {bid} is the most"
    if p.rule == "annoyance":
        return f"{p.price_micros:,} micros {unit}: the least that makes up for a cost of annoyance of {ad.cost_micros:,}; {bid} is the most"
    return f"{p.price_micros:,} micros {unit}: the least that clears the floor eCPM of {p.floor_micros:,}; {bid} is the most"


def _score_words(ad: RankedAd) -> str:
    """What its rank score is made of."""
    converted = "" if ad.pcvr is None else f", pCVR {ad.pcvr:.3%}"
    annoyed = "" if ad.phide is None else f", cost of annoyance {ad.cost_micros:,} (P(hide) {ad.phide:.3%})"
    return f"{ad.objective}: pCTR {ad.pctr:.4%}{converted}, quality {ad.quality:.3f}{annoyed}, eCPM {ad.ecpm_micros:,} micros"


def _match_words(ad: RankedAd) -> str:
    """How a search found the ad."""
    if not ad.match:
        return ""
    alike = "" if ad.similarity is None else f", similarity {ad.similarity:.2f}"
    keyword = f" of {'a close variant of ' if ad.close else ''}[{ad.keyword}]" if ad.keyword else ""
    return f"{ad.block + ' of the page, ' if ad.block else ''}{ad.match} match{keyword}{alike}"


def _quality_words(ad: RankedAd) -> str:
    """The parts of a search ad's quality."""
    q = ad.quality_parts
    if q is None:
        return ""
    age = "" if q.page_age_days is None else f" (read {q.page_age_days:.0f} days before)"
    page = f"landing page {q.landing_page:.2f}{age}" if q.page_known else "landing page never read (neutral)"
    parts = f"expected CTR {q.expected_ctr:.2f}, ad relevance {q.ad_relevance:.2f}, {page}"
    return f"quality score {q.score} of 10: {parts}; factor {ad.quality:.3f}"


def _text_words(ad: RankedAd) -> str:
    """The words it was shown in, and how they were chosen."""
    t = ad.text
    if t is None:
        return ""
    chosen = f"; combination {t.choice + 1} of {t.choices}, propensity {t.propensity:.3f}" if t.choices > 1 else ""
    inserted = f"; [{t.keyword}] inserted" if t.keyword else f"; no keyword inserted ({t.not_inserted})" if t.not_inserted else ""
    return f"{t.headline} | {t.description}{chosen}{inserted}"


def _understanding(query: Query | None) -> tuple[str, ...]:
    """What a search was understood to ask for, a line each."""
    if query is None:
        return ()
    read = f"{query.original!r} read as {query.normalised!r}" if query.original else "its text is not kept"
    lines = [f"query: {read}" + (f", language {query.language}" if query.language else "")]
    if query.corrections:
        lines.append("spelling: " + ", ".join(f"{a} → {b}" for a, b in query.corrections))
    if query.entities:
        lines.append("names: " + ", ".join(f"{e.text} ({e.kind})" for e in query.entities))
    if query.expanded:
        lines.append("related: " + ", ".join(f"{t.text} {t.weight:.2f} ({t.origin})" for t in query.expanded))
    lines.append(f"intent: {query.intent} {query.intent_probability:.2f}, commercial {query.commercial:.2f}")
    if query.categories:
        lines.append("categories: " + ", ".join(f"{c} {p:.2f}" for c, p in query.categories[:3]))
    return tuple(lines)


def _contributions(decision: Decision, ad: RankedAd, bundle: Bundle | None) -> tuple[Contribution, ...]:
    """The strongest columns; none when the bundle that scored is no longer at hand."""
    if bundle is None or bundle.name != decision.policy or not ad.features:
        return ()
    places = places_in(decision.input, bundle.manifest.columns)
    if places is None:  # of a version that does not serve any more
        return ()
    names, row = bundle.manifest.columns, ad.vector[None, list(places)]
    shares, values = bundle.contributions(row)[0][:-1], bundle.encoded(row)[0]
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
            _score_words(ad), ad.price, _price_words(ad), _match_words(ad), _quality_words(ad), _text_words(ad),
            _contributions(decision, ad, bundle),
        )
        for ad in decision.shown
    )  # fmt: skip
    runners = tuple(f"{ad.creative_id}: eCPM {ad.ecpm_micros:,}" for ad in decision.held[:5])
    return Why(
        decision.decision_id, decision.rung, decision.policy, decision.snapshot, (*decision.flags, *decision.errors),
        tuple(f"{name} kept out of the auction: {reason}" for name, reason in decision.refused.items()), decision.no_ad_reason,
        _understanding(decision.query), tuple(steps), ads, runners,
    )  # fmt: skip
