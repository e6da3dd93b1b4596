"""How products are called, and which words stand beside them: names that differ from mouth to mouth, words of near topics, chatter."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import CATEGORIES
from pipelines.simulator.population import Ints
from pipelines.simulator.words import CHATTER, OTHER_NAMES, WORDS
from pipelines.simulator.world import World

USUAL_NAME: Final = 0.55
"""How often people call a product by its usual name, where it has others."""
OWN_TOPIC, NEAR_TOPIC = 0.7, 0.15
"""Shares of a text's words that are of its topic, and of one of the topics nearest to it; the others are chatter."""
NEAR: Final = 3


def product_word(category: int, product: int) -> str:
    """The product's usual name."""
    return WORDS[CATEGORIES[category]][product]


def names(category: int, product: int) -> tuple[str, ...]:
    """All that a product is called, its usual name first."""
    usual = product_word(category, product)
    return usual, *OTHER_NAMES.get(usual, ())


def house_name(category: int, product: int, pick: int) -> str:
    """What one advertiser calls a product, whatever it is called elsewhere. pick: any number of its own."""
    known = names(category, product)
    return known[pick % len(known)]


def said_name(category: int, product: int, lot: float) -> str:
    """What a person calls a product. lot: a uniform number."""
    known = names(category, product)
    if len(known) == 1 or lot < USUAL_NAME:
        return known[0]
    return known[1 + int((lot - USUAL_NAME) / (1 - USUAL_NAME) * (len(known) - 1))]


def near_topics(world: World) -> Ints:
    """The NEAR topics that are most like each, (categories, NEAR)."""
    alike = world.likeness - 3 * np.eye(len(CATEGORIES))
    alike[:, 0] = -3
    return np.asarray(np.argsort(-alike, axis=1, kind="stable")[:, :NEAR])


def beside(world: World, topic: Ints, kind: NDArray[np.float64], draw: Ints) -> list[list[str]]:
    """Words that stand in texts about topics (n,). kind: (n, k) uniform numbers, which choose between the topic, a near one and chatter;
    draw: (n, k) large numbers, which choose the word."""
    near = near_topics(world)
    out = []
    for own, kinds, draws in zip(topic.tolist(), kind.tolist(), draw.tolist(), strict=True):
        row = []
        for x, d in zip(kinds, draws, strict=True):
            if x >= OWN_TOPIC + NEAR_TOPIC:
                row.append(CHATTER[d % len(CHATTER)])
                continue
            of = own if x < OWN_TOPIC else int(near[own, d % NEAR])
            words = WORDS[CATEGORIES[of]]
            row.append(house_name(of, d // 7 % len(words), d // 97))
        out.append(row)
    return out
