"""Ads that mean what the query means, whatever words their advertisers bought."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.candidates import Candidates
from serving.errors import SnapshotMissing
from serving.live import Live
from serving.match import SEMANTIC, Match
from serving.request import AdRequest
from serving.snapshot import Snapshot
from serving.stages import Context

CONFIDENT: Final = 0.8
"""Probability that the likeliest categories must have together before only their ads are looked at."""
CATEGORIES: Final = 3
NO_KEYWORD: Final = -1
LEAST_ALIKE: Final = 0.3
"""Cosine of query and ad below which their meanings have nothing in common: of random pairs nine in ten lie below 0.3."""


class Meaning:
    """The `quota` ads nearest to the query's vector, always, and as many more as keywords found fewer than `below`. Those in the
    query's likely categories, when it is clear what they are. Finds nothing without an encoder."""

    def __init__(self, quota: int, below: int) -> None:
        self._quota, self._below = quota, below

    def source(self, request: AdRequest, context: Context, live: Live, found: int) -> Candidates:
        if live.snapshot is None:
            raise SnapshotMissing("snapshot", "none", "Publish features: `placard features publish --partition DAY`.")
        wanted = self._quota + max(self._below - found, 0)
        vector, snapshot = context.query_vector, live.snapshot
        if vector is None or not vector.any() or wanted == 0:
            return Candidates(snapshot, np.empty(0, np.int64), match=by_meaning(np.empty(0, np.float32)))
        rows = _likely(context, snapshot, wanted)
        alike = snapshot["text.vectors"] @ vector if rows is None else snapshot["text.vectors"][rows] @ vector
        best = np.argpartition(-alike, wanted - 1)[:wanted] if wanted < len(alike) else np.arange(len(alike))
        best = best[np.argsort(-alike[best], kind="stable")]
        best = best[alike[best] >= LEAST_ALIKE]
        return Candidates(snapshot, best if rows is None else rows[best], match=by_meaning(alike[best]))


def by_meaning(similarity: NDArray[np.float32]) -> Match:
    """How candidates were found that only their meaning speaks for."""
    n = len(similarity)
    return Match(
        np.full(n, NO_KEYWORD, np.int64), np.full(n, SEMANTIC, np.int8), np.zeros(n, bool), np.zeros(n, np.int64),
        similarity.astype(np.float32),
    )  # fmt: skip


def _likely(context: Context, snapshot: Snapshot, wanted: int) -> NDArray[np.int64] | None:
    """Rows of the query's likely categories; None when these are not clear or have too few ads, and all must be looked at."""
    likely = context.query.categories[:CATEGORIES] if context.query is not None else ()
    if sum(p for _, p in likely) < CONFIDENT:
        return None
    rows = np.concatenate([snapshot.rows_of_category(category) for category, _ in likely])
    return rows if len(rows) >= wanted else None
