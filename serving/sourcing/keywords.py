"""Ads whose advertisers bought the words of the query."""

from __future__ import annotations

from dataclasses import replace

from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.errors import ServingError, SnapshotMissing
from serving.record.request import AdRequest


class Keywords:
    """The keyword index's matches. Raises SnapshotMissing before the first publication, or without the index."""

    def source(self, request: AdRequest, context: Context, live: Live, found: int) -> Candidates:
        if live.snapshot is None or live.snapshot.keywords is None:
            raise SnapshotMissing("keywords", "none", "Publish features: `placard features publish --partition DAY`.")
        if context.query is None:
            raise ServingError("query", "none", "It was not understood.")
        rows, match = live.snapshot.keywords.match(context.query)
        if context.query_vector is not None and live.snapshot.meaning is not None:
            match = replace(match, similarity=live.snapshot.meaning.vectors_of(rows) @ context.query_vector)
        return Candidates(live.snapshot, rows, match=match)
