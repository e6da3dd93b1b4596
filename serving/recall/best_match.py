"""The ads that match a query best: how they were found, then what they would earn at their past rates."""

from __future__ import annotations

from typing import Final

import numpy as np

from feature_repo.taxonomy import MATCH_TYPES
from serving.candidates import Candidates
from serving.errors import ServingError
from serving.request import AdRequest
from serving.stages import Context

KINDS: Final = len(MATCH_TYPES) + 1


class BestMatch:
    """Up to k, in turn from each kind of match, so that no kind crowds the others out. Raises ServingError off search."""

    def recall(self, request: AdRequest, context: Context, candidates: Candidates, k: int) -> Candidates:
        match = candidates.match
        if match is None:
            raise ServingError("candidates", len(candidates), "They were not matched to a query; use another recaller.")
        if len(candidates) <= k:
            return candidates
        alike = np.nan_to_num(match.similarity)
        order = np.lexsort((-match.bid_micros, -alike, match.close, match.kind))
        kinds, place = match.kind[order], np.empty(len(order), np.int64)
        for kind in range(KINDS):  # the how-manieth of its kind each is
            of_kind = kinds == kind
            place[of_kind] = np.arange(np.count_nonzero(of_kind))
        return candidates.take(order[np.argsort(place, kind="stable")][:k])
