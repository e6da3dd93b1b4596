"""Reads the query of a search into the context."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final

import msgspec

from feature_repo.request_words import spoken
from serving.caches.kind import Kind
from serving.caches.tiered import TieredCache
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.language.analyse import analyse, read
from serving.record.query import Entity, Query, Term
from serving.record.request import AdRequest

AS_QUERY: Final = msgspec.msgpack.Decoder(Query)
ENCODER: Final = msgspec.msgpack.Encoder()
FORM: Final = ";".join(",".join(field.name for field in fields(kept)) for kept in (Query, Entity, Term))
QUERY: Final[Kind[Query]] = Kind("query", FORM, ENCODER.encode, AS_QUERY.decode)
"""Queries as a language model reads them."""


class QueryAnalysis:
    """Total: any text is understood somehow. Without a language model the words alone, flagged `language_absent`. cache: where readings are
    kept, of no user; None: in the process alone, without a bound in bytes or time. What is typed without consent is not kept there."""

    def __init__(self, cache: TieredCache | None = None) -> None:
        self._cache = cache

    def understand(self, request: AdRequest, context: Context, live: Live) -> Context:
        query = self._read(request, live)
        return replace(context, query=query, flags=(*context.flags, *query.flags))

    def _read(self, request: AdRequest, live: Live) -> Query:
        language = live.language
        if self._cache is None or language is None:
            return analyse(request.query, language, request.language)
        text, tongue = request.query, spoken(request.language)
        parts = (language.version, tongue, text)
        found = self._cache.get(QUERY, "", parts, lambda: read(language, text, tongue), keep=request.consent)
        assert found is not None, "any text is understood somehow"
        return found
