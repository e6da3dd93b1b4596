"""How well an ad's landing page answers a query: a part of the ad's quality."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.identity_codes import HASH_BUCKETS
from feature_repo.text import hash_codes
from serving.record.query import Query
from serving.snapshot import Snapshot
from serving.snapshot.text_columns import NO_PAGE, page_weight_of_all

NEUTRAL: Final = 0.5
"""The relevance of a page that was never read."""
WORDS: Final = 12
"""How many words of the query, its first ones, are looked for in the page."""


def page_relevance(
    snapshot: Snapshot, query: Query, vector: NDArray[np.float32] | None, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The relevance in [0, 1] of the landing page of each ad, (n,), and whether that page was ever read, (n,).

    The relevance is the page's BM25 score for the query (Robertson and Zaragoza 2009), divided by the most that the query's words
    could score. Where an encoder has given the query a vector, it is the mean of that and of the similarity of query and page.
    rows: the ads' rows in the snapshot, (n,). vector: the query's unit vector, None without an encoder.
    """
    page = snapshot["page"][rows].astype(np.int64)
    known = page != NO_PAGE
    out = np.full(len(rows), NEUTRAL)
    if not known.any() or not query.stems:
        return out, known
    page = page[known]
    codes = np.unique(hash_codes(list(query.stems[:WORDS])))
    idf = snapshot["page.idf"][codes]
    asked = np.zeros(HASH_BUCKETS, np.uint8)  # which of the query's words each code is, 0 for none: a byte each stays in the cache
    asked[codes] = np.arange(1, len(codes) + 1)
    start = snapshot["page.terms_from"][page]
    count = snapshot["page.terms_from"][page + 1] - start
    at = np.arange(int(count.sum())) + np.repeat(start - (np.cumsum(count) - count), count)
    which = asked[snapshot["page.terms"][at]]
    hit = np.flatnonzero(which)
    weight = idf[which[hit] - 1] * snapshot["page.weights"][at[hit]]
    relevance = np.bincount(np.repeat(np.arange(len(page)), count)[hit], weight, minlength=len(page)) / max(page_weight_of_all(idf), 1e-9)
    if vector is not None and vector.any():
        relevance = (relevance + np.maximum(snapshot["page.vectors"][page] @ vector, 0)) / 2
    out[known] = np.clip(relevance, 0, 1)
    return out, known
