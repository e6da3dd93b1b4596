"""A day's searches as tables: what is logged of them, and what they want."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.events import QUERY
from feature_repo.taxonomy import CATEGORIES, DEVICES, INTENTS
from pipelines.simulator import queries
from pipelines.simulator.columns import fill, numbered, word
from pipelines.simulator.config import SOURCE
from pipelines.simulator.requests import Requests
from pipelines.simulator.wording import product_word
from pipelines.simulator.words import LANGUAGES, REGIONS
from pipelines.simulator.world import World

QUERY_TRUTH = pa.schema(
    [
        ("query_id", pa.string()),
        ("intent", pa.string()),  # taxonomy.INTENTS
        ("category", pa.string()),
        ("product", pa.string()),  # "" when none is named
        ("brand", pa.string()),  # advertiser_id, "" when none is looked for
    ]
)


def searches(world: World, number: int, requests: Requests) -> pa.Table:
    """The searches among a day's requests, schema events.QUERY."""
    rows = np.flatnonzero(requests.surface == 0)
    asked, people = requests.rows(rows), world.people
    when, region = world.instant(number, asked.second), people.region[asked.user]
    wish = queries.Wish(asked.intent, asked.product, asked.brand, asked.form)
    return fill(
        QUERY, len(rows),
        {
            "query_id": numbered(f"q{world.tag(number)}", rows), "ts": when, "created_ts": when, "source": SOURCE,
            "user_id": word(people.ids, asked.user), "device": word(DEVICES, asked.device), "region": word(REGIONS, region),
            "text": queries.texts(world.config.rng("queries", number), asked.topic, wish, region),
            "language": word(LANGUAGES, people.language[asked.user]),
        },
    )  # fmt: skip


def wants(world: World, number: int, requests: Requests) -> pa.Table:
    """What they want, schema QUERY_TRUTH, in the same order."""
    rows = np.flatnonzero(requests.surface == 0)
    asked = requests.rows(rows)
    return fill(
        QUERY_TRUTH, len(rows),
        {
            "query_id": numbered(f"q{world.tag(number)}", rows), "intent": word(INTENTS, asked.intent),
            "category": word(CATEGORIES, asked.topic),
            "product": [product_word(c, p) if p >= 0 else "" for c, p in zip(asked.topic, asked.product, strict=True)],
            "brand": pc.if_else(pa.array(asked.brand >= 0), numbered("a", asked.brand), ""),
        },
    )  # fmt: skip
