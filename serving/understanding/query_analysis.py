"""Reads the query of a search into the context."""

from __future__ import annotations

from dataclasses import replace

from serving.engine.live import Live
from serving.engine.stages import Context
from serving.language.analyse import analyse
from serving.record.request import AdRequest


class QueryAnalysis:
    """Total: any text is understood somehow. Without a language model the words alone, flagged `language_absent`."""

    def understand(self, request: AdRequest, context: Context, live: Live) -> Context:
        query = analyse(request.query, live.language, request.language)
        return replace(context, query=query, flags=(*context.flags, *query.flags))
