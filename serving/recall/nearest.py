"""The ads nearest to the user in embedding space, tilted by how ads have done; exact when few, the nearest cells when many."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.tables.user_embedding import USER_EMBEDDING
from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.record.request import AdRequest
from serving.snapshot.recall_index import VECTORS, query

VECTOR = USER_EMBEDDING.names[0]
SCAN_UP_TO: Final = 20_000
"""Eligible ads up to which each is scored."""


class Nearest:
    """Maximum inner product of [user vector, 1] and [ad vector, log performance]: a user without a vector gets what does well."""

    def recall(self, request: AdRequest, context: Context, candidates: Candidates, k: int) -> Candidates:
        if len(candidates) <= k:
            return candidates
        wanted = query(np.asarray(context.user[VECTOR][0], np.float32))
        vectors, index = candidates.snapshot[VECTORS], candidates.snapshot.recall_index
        if index is not None and len(candidates) > SCAN_UP_TO:
            return Candidates(candidates.snapshot, index.search(wanted, _mask(candidates), k))
        if candidates.mask is not None and candidates.match is None and len(candidates) * 2 > len(candidates.snapshot):
            return Candidates(candidates.snapshot, _highest(np.where(candidates.mask, vectors @ wanted, -np.inf), k))
        return candidates.take(_highest(vectors.take(candidates.rows, axis=0) @ wanted, k))


def _highest(score: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Where the k highest scores stand, the highest first."""
    best = np.argpartition(-score, k - 1)[:k]
    return np.asarray(best[np.argsort(-score[best])])


def _mask(candidates: Candidates) -> Mask:
    if candidates.mask is not None:
        return candidates.mask
    allowed = np.zeros(len(candidates.snapshot), bool)
    allowed[candidates.rows] = True
    return allowed
