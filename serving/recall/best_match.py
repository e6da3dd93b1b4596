"""The ads that match a query best, in turn from each kind of match."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import MATCH_TYPES
from serving.engine.candidates import Candidates
from serving.engine.stages import Context
from serving.errors import ServingError
from serving.record.match import NONE, SEMANTIC, Match
from serving.record.request import AdRequest

KINDS: Final = (*range(len(MATCH_TYPES)), SEMANTIC, NONE)
"""In the order in which they take turns."""
APART: Final = 4.0
"""A number larger than any difference of two cosines, so that all close variants come after all ads that match by a keyword's own words."""


class BestMatch:
    """Up to k: the best of each kind of match (exact, phrase, broad, semantic, none), then the second of each, and so on, so that no
    kind crowds the others out. Within a kind: the keyword's own words before a close variant, then the higher cosine of query and
    ad, then the higher bid of the keyword. No rate and no price is looked at. Raises ServingError where nothing was matched."""

    def recall(self, request: AdRequest, context: Context, candidates: Candidates, k: int) -> Candidates:
        match = candidates.match
        if match is None:
            raise ServingError("candidates", len(candidates), "They were not matched to a query; use another recaller.")
        if len(candidates) <= k:
            return candidates
        best = [_best(np.flatnonzero(match.kind == kind), match, k) for kind in KINDS]
        place = np.concatenate([np.arange(len(rows)) for rows in best])  # the how-manieth of its kind each is
        return candidates.take(np.concatenate(best)[np.argsort(place, kind="stable")[:k]])


def _best(rows: NDArray[np.int64], match: Match, k: int) -> NDArray[np.int64]:
    """The best k of some rows, in order: the keyword's own words before a close variant, then how alike, then the bid."""
    close, alike = match.close[rows], np.nan_to_num(match.similarity[rows])
    if len(rows) > k:  # to find who may be among them costs less than to order all
        behind = APART * close - alike
        near = np.flatnonzero(behind <= np.partition(behind, k - 1)[k - 1])
        rows, close, alike = rows[near], close[near], alike[near]
    return rows[np.lexsort((-match.bid_micros[rows], -alike, close))][:k]
