"""The ads nearest to the user in embedding space, tilted by how ads have done; exact when few, the nearest cells when many."""

from __future__ import annotations

from typing import Final

import numpy as np

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
        if len(candidates) * 2 > len(candidates.snapshot):
            score = (vectors @ wanted)[candidates.rows]
        else:
            score = vectors[candidates.rows] @ wanted
        best = np.argpartition(-score, k - 1)[:k]
        return candidates.take(best[np.argsort(-score[best])])


def _mask(candidates: Candidates) -> Mask:
    if candidates.mask is not None:
        return candidates.mask
    allowed = np.zeros(len(candidates.snapshot), bool)
    allowed[candidates.rows] = True
    return allowed
