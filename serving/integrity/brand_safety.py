"""Who looks for one brand by name is not shown another's ads."""

from __future__ import annotations

import numpy as np

from feature_repo.text import runs
from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.record.request import AdRequest


class BrandSafety:
    """On a navigational query that names brands, admits only those brands' own ads, unless rivals are allowed."""

    def __init__(self, rivals: bool) -> None:
        self._rivals = rivals

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        query = context.query
        if self._rivals or query is None or query.intent != "navigational":
            return np.ones(len(candidates), bool)
        # In the words themselves: a keyword that holds the brand's name is the longer match among the names that are known.
        snapshot = candidates.snapshot
        typed = {meant: said for said, meant in query.corrections}  # a brand that was guessed keeps nobody out
        words = [typed.get(token, token) for token in query.tokens]
        named = {run.encode() for run in runs(words, snapshot.brand_words) if run in snapshot.brands}
        if not named:
            return np.ones(len(candidates), bool)
        return np.asarray(np.isin(candidates.of_campaigns("campaign.brand"), sorted(named)))
