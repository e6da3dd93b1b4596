"""A query as the columns that request_time.search_columns reads: the same for the one of a request and the many of a log."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from feature_repo.request_time import CATEGORY_NUMBER, NO_SEARCH, QUERY_WORDS
from feature_repo.taxonomy import CATEGORIES
from feature_repo.text import hash_codes, stem
from serving.record.query import Query


def query_columns(queries: Sequence[Query | None]) -> dict[str, np.ndarray]:
    """The query's columns of NO_SEARCH, one row each; its defaults where there is no query."""
    n = len(queries)
    out = {
        name: np.repeat(NO_SEARCH[name], n, axis=0)
        for name in ("query_words", "query_length", "commercial", "informational", "navigational", "name_words", "brand_code")
    }
    out["query_categories"] = np.zeros((n, len(CATEGORIES)), np.float32)
    for i, query in enumerate(queries):
        if query is None:
            continue
        stems = query.stems[:QUERY_WORDS]
        if stems:
            out["query_words"][i, : len(stems)] = hash_codes(list(stems))
        out["query_length"][i] = len(query.tokens)
        named = [stem(w) for e in query.entities if e.kind == "product" for w in e.text.split()][:QUERY_WORDS]
        if named:
            out["name_words"][i, : len(named)] = hash_codes(named)
        brand = next((e.key for e in query.entities if e.kind == "brand"), "")
        out["brand_code"][i] = hash_codes([brand])[0]
        out["commercial"][i] = query.commercial
        if query.intent in ("informational", "navigational"):
            out[query.intent][i] = query.intent_probability
        for category, probability in query.categories:
            out["query_categories"][i, CATEGORY_NUMBER.get(category, 0)] = probability
    return out
