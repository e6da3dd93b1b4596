"""Ads that mean what the query means, whatever words their advertisers bought."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.errors import SnapshotMissing
from serving.record.match import NO_KEYWORD, SEMANTIC, Match
from serving.record.query import NO_WORD_KNOWN
from serving.record.request import AdRequest

CLEAR: Final = 0.03
"""By how much a query's words raise its best category's probability for only ads of that, and of those CLOSE to it, to be looked at: what
queries want is learned from clicks, many of them by chance, and the words say more than the number does."""
CLOSE: Final = 0.2
"""Share of what the best category is raised by."""
LEAST_ALIKE: Final = 0.5
"""Cosine of query and ad below which it is doubtful that they mean the same, while the query's category is not clear."""
ALIKE_AT_ALL: Final = 0.1
"""Cosine below which they do not, whatever the query's category."""


class Meaning:
    """The `quota` ads nearest to the query's vector, always, and as many more as keywords found fewer than `below`. Only those in
    the query's categories, when it is clear what they are, and only those that are alike enough. Finds nothing without an encoder, nor for
    a query of which no word is known."""

    def __init__(self, quota: int, below: int) -> None:
        self._quota, self._below = quota, below

    def source(self, request: AdRequest, context: Context, live: Live, found: int) -> Candidates:
        if live.snapshot is None:
            raise SnapshotMissing("snapshot", "none", "Publish features: `placard features publish --partition DAY`.")
        wanted = self._quota + max(self._below - found, 0)
        vector, index = context.query_vector, live.snapshot.meaning
        unheard = context.query is not None and NO_WORD_KNOWN in context.query.flags
        if vector is None or index is None or not vector.any() or wanted == 0 or unheard:
            return Candidates(live.snapshot, np.empty(0, np.int64), match=by_meaning(np.empty(0, np.float32)))
        categories = _likely(context)
        rows, alike = index.search(vector, categories, wanted)
        enough = alike >= (LEAST_ALIKE if categories is None else ALIKE_AT_ALL)
        return Candidates(live.snapshot, rows[enough], match=by_meaning(alike[enough]))


def by_meaning(similarity: NDArray[np.float32]) -> Match:
    """The match of candidates that were found by their meaning alone, without a keyword. similarity: cosine of query and ad, (n,)."""
    n = len(similarity)
    return Match(
        np.full(n, NO_KEYWORD, np.int64), np.full(n, SEMANTIC, np.int8), np.zeros(n, bool), np.zeros(n, np.int64),
        similarity.astype(np.float32),
    )  # fmt: skip


def _likely(context: Context) -> list[str] | None:
    """The query's categories; None when these are not clear, and all must be looked at."""
    raised = context.query.added if context.query is not None else ()
    if not raised or raised[0][1] < CLEAR:
        return None
    return [category for category, by in raised if by >= CLOSE * raised[0][1]]
