"""The ads that have done best for everyone: what recall falls back to."""

from __future__ import annotations

import numpy as np

from serving.engine.candidates import Candidates
from serving.engine.stages import Context
from serving.record.request import AdRequest


class Popular:
    def recall(self, request: AdRequest, context: Context, candidates: Candidates, k: int) -> Candidates:
        if len(candidates) <= k:
            return candidates
        performance = candidates.of("recall.vectors")[:, -1]
        return candidates.take(np.argpartition(-performance, k - 1)[:k])
