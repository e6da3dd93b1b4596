"""What searches are about, and how people put it into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_repo.taxonomy import CATEGORIES, INTENTS
from pipelines.simulator.inventory import PRODUCTS, Inventory
from pipelines.simulator.population import Ints
from pipelines.simulator.wording import said_name
from pipelines.simulator.words import BRAND_ENDS, BRAND_STEMS, LANGUAGES, REFUSED_WORDS, REGIONS

INFORMATIONAL, NAVIGATIONAL, TRANSACTIONAL = range(len(INTENTS))
INTENT_SHARE: Final = (0.28, 0.12, 0.6)
LOCAL_FORM: Final = 0.4
"""How often people whose language is not English use its words of trade."""
MISTYPED, INFLECTED, TURNED, DECORATED = 0.05, 0.1, 0.05, 0.005
"""Shares of searches with a slip of the finger, with an s more, with the product's words the other way round, with a picture sign."""


@dataclass(frozen=True)
class Form:
    """A way to ask: where the product, the region or the brand goes; how usual it is among those of its intent and language."""

    text: str
    intent: int
    weight: float = 1.0
    language: str = "en"


FORMS: Final = (
    Form("{product}", TRANSACTIONAL, 4), Form("buy {product}", TRANSACTIONAL, 2), Form("cheap {product}", TRANSACTIONAL, 2),
    Form("{product} online", TRANSACTIONAL), Form("{product} near me", TRANSACTIONAL), Form("best {product}", TRANSACTIONAL),
    Form("{product} sale", TRANSACTIONAL, 0.7), Form("used {product}", TRANSACTIONAL, 0.5), Form("{product} {region}", TRANSACTIONAL, 0.8),
    Form("order {product} today", TRANSACTIONAL, 0.5), Form("{product} price", TRANSACTIONAL, 0.7),
    Form("how to choose {product}", INFORMATIONAL, 1.5), Form("{product} review", INFORMATIONAL, 1.5),
    Form("best {product}", INFORMATIONAL),
    Form("what is the best {product}", INFORMATIONAL), Form("{product} guide", INFORMATIONAL), Form("{product}", INFORMATIONAL, 0.8),
    Form("free {product} tips", INFORMATIONAL, 0.6), Form("{product} ideas", INFORMATIONAL, 0.6),
    Form("is {product} worth it", INFORMATIONAL), Form("{product} for beginners", INFORMATIONAL),
    Form("{product} experiences", INFORMATIONAL), Form("rent or own {product}", INFORMATIONAL, 0.5),
    Form("pros and cons of {product}", INFORMATIONAL, 0.7),
    Form("i need {product}", TRANSACTIONAL, 0.8), Form("{product} under 50", TRANSACTIONAL, 0.8), Form("new {product}", TRANSACTIONAL),
    Form("get {product} tomorrow", TRANSACTIONAL, 0.6), Form("{product} test winner", TRANSACTIONAL, 0.4),
    Form("{brand}", NAVIGATIONAL, 3), Form("{brand} shop", NAVIGATIONAL), Form("{brand} {product}", NAVIGATIONAL, 2),
    Form("{product} kaufen", TRANSACTIONAL, 1, "de"), Form("{product} günstig", TRANSACTIONAL, 1, "de"),
    Form("{product} vergleich", INFORMATIONAL, 1, "de"), Form("acheter {product}", TRANSACTIONAL, 1, "fr"),
    Form("{product} pas cher", TRANSACTIONAL, 1, "fr"), Form("avis {product}", INFORMATIONAL, 1, "fr"),
    Form("comprar {product}", TRANSACTIONAL, 1, "es"), Form("{product} barato", TRANSACTIONAL, 1, "es"),
    Form("opiniones {product}", INFORMATIONAL, 1, "es"), Form("comprare {product}", TRANSACTIONAL, 1, "it"),
    Form("{product} economico", TRANSACTIONAL, 1, "it"), Form("recensioni {product}", INFORMATIONAL, 1, "it"),
)  # fmt: skip
NAMES_PRODUCT: Final = np.array(["{product}" in f.text for f in FORMS])
HOLDS_REFUSED: Final = np.array([[word in f.text.split() for f in FORMS] for word in REFUSED_WORDS])
"""(REFUSED_WORDS, FORMS)."""
DECORATIONS: Final = ("😀", "🔥", "❤️")


@dataclass(frozen=True)
class Wish:
    """What each of n searches wants. intent: codes of INTENTS; product: place in WORDS of the topic, -1 when none is named;
    brand: the advertiser that is looked for, -1 for none; form: codes of FORMS."""

    intent: Ints
    product: Ints
    brand: Ints
    form: Ints


def brand_name(advertiser: int) -> str:
    """A made-up name of its own for each number."""
    stem, rest = advertiser % len(BRAND_STEMS), advertiser // len(BRAND_STEMS)
    end, more = rest % len(BRAND_ENDS), rest // len(BRAND_ENDS)
    name = BRAND_STEMS[stem] + BRAND_ENDS[(end + stem) % len(BRAND_ENDS)]
    return (name if not more else f"{name} {more + 1}").title()


def wish(ads: Inventory, rng: np.random.Generator, topic: Ints, language: Ints) -> Wish:
    """Draws what searches about `topic` (codes of CATEGORIES) by people of `language` (codes of LANGUAGES) want."""
    n = len(topic)
    intent = rng.choice(len(INTENTS), n, p=INTENT_SHARE)
    brand = _brand(ads, rng, topic)
    intent = np.where((intent == NAVIGATIONAL) & (brand < 0), TRANSACTIONAL, intent)
    local = np.where((rng.random(n) < LOCAL_FORM) & (intent != NAVIGATIONAL), language, 0)
    form = np.zeros(n, np.int64)
    for kind in range(len(INTENTS)):
        for spoken, name in enumerate(LANGUAGES):
            rows = np.flatnonzero((intent == kind) & (local == spoken))
            weights = np.array([f.weight * (f.intent == kind and f.language == name) for f in FORMS])
            if len(rows):
                form[rows] = rng.choice(len(FORMS), len(rows), p=weights / weights.sum())
    product = (rng.power(0.5, n) * PRODUCTS).astype(np.int64)
    return Wish(intent, np.where(NAMES_PRODUCT[form], product, -1), np.where(intent == NAVIGATIONAL, brand, -1), form)


def _brand(ads: Inventory, rng: np.random.Generator, topic: Ints) -> Ints:
    """An advertiser with a brand in each topic, -1 where there is none."""
    known = np.flatnonzero(ads.branded)
    known = known[np.argsort(ads.advertiser_category[known], kind="stable")]
    starts = np.searchsorted(ads.advertiser_category[known], np.arange(len(CATEGORIES) + 1))
    size = np.diff(starts)[topic]
    place = starts[topic] + (rng.power(0.6, len(topic)) * size).astype(np.int64)
    return np.where(size > 0, known[np.minimum(place, max(len(known) - 1, 0))] if len(known) else -1, -1)


def texts(rng: np.random.Generator, topic: Ints, wanted: Wish, region: Ints) -> list[str]:
    """The searches' words, with the slips that people make."""
    n = len(topic)
    slips = rng.random((n, 4)) < (TURNED, INFLECTED, MISTYPED, DECORATED)
    where, called = rng.random((n, 2)), rng.random(n)
    out = []
    for i in range(n):
        name = said_name(int(topic[i]), int(wanted.product[i]), float(called[i])) if wanted.product[i] >= 0 else ""
        if name and slips[i, 0]:
            name = " ".join(reversed(name.split()))
        if name and slips[i, 1] and not name.endswith("s"):
            name += "s"
        brand = brand_name(int(wanted.brand[i])).lower() if wanted.brand[i] >= 0 else ""
        text = FORMS[wanted.form[i]].text.format(product=name, brand=brand, region=REGIONS[region[i]])
        if slips[i, 2]:
            text = _mistyped(text, where[i, 0], where[i, 1])
        out.append(f"{text} {DECORATIONS[i % len(DECORATIONS)]}" if slips[i, 3] else text)
    return out


def _mistyped(text: str, which: float, where: float) -> str:
    """One letter of a word of five or more is lost, or changes places with the next."""
    words = text.split()
    long = [i for i, w in enumerate(words) if len(w) >= 5]
    if not long:
        return text
    i = long[int(which * len(long))]
    at = 1 + int(where * (len(words[i]) - 2))
    w = words[i]
    words[i] = w[:at] + w[at + 1 :] if int(which * 1000) % 2 else w[:at] + w[at + 1] + w[at] + w[at + 2 :]
    return " ".join(words)
