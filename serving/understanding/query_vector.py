"""The query as the text encoder sees it: what finds ads by meaning."""

from __future__ import annotations

from dataclasses import replace

from serving.engine.live import Live
from serving.engine.stages import Context
from serving.record.request import AdRequest


class QueryVector:
    """Encodes the understood query as the catalogue's ads were encoded; says so where they were not, or that encoder cannot be had."""

    def understand(self, request: AdRequest, context: Context, live: Live) -> Context:
        if context.query is None or live.snapshot is None:
            return context
        if live.encoder is None or live.encoder.version != live.snapshot.encoder_version:
            return replace(context, flags=(*context.flags, "encoder_absent"))
        return replace(context, query_vector=live.encoder.encode([context.query.normalised])[0])
