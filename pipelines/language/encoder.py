"""Trains the text encoder: latent semantic analysis of ads, pages and the searches that led to clicks on them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD

from feature_repo.text import tokenise
from pipelines.language.query_log import QueryLog
from serving.language.text_encoder import BUCKETS, TextEncoder, buckets, unit_rows
from serving.snapshot.text_columns import ad_texts

DIM: Final = 64
SEARCHES: Final = 20
"""Clicked searches of an ad that are read."""
PAGE: Final = 100
"""Words of a landing page that are read."""


def documents(log: QueryLog) -> list[str]:
    """One a creative: what it says, what its page says, and the searches that led to clicks on it, so that words of searchers and
    of advertisers that mean alike stand together."""
    creatives, pages = log.catalog["creatives"], log.catalog["landing_pages"]
    page = {
        u: f"{t or ''} {' '.join(tokenise(x or '')[:PAGE])}"
        for u, t, x in zip(*(pages[n].to_pylist() for n in ("landing_url", "title", "text")), strict=True)
    }
    searched: dict[str, list[str]] = {}
    clicked = log.shown[log.shown["clicked"]]
    for creative, text in zip(clicked["creative_id"], clicked["text"], strict=True):
        searched.setdefault(creative, []).append(text)
    texts = ad_texts(log.catalog, creatives)
    ids, urls = creatives["creative_id"].to_pylist(), creatives["landing_url"].to_pylist()
    return [" ".join([text, page.get(url, ""), *searched.get(i, ())[-SEARCHES:]]) for text, i, url in zip(texts, ids, urls, strict=True)]


def learn(texts: list[str], seed: int) -> NDArray[np.float32]:
    """(BUCKETS, DIM) vectors of the units: log tf × idf, then the leading right singular vectors (Deerwester et al. 1990; randomised,
    Halko et al. 2011), each direction weighted by the root of its singular value: the best of three weightings by recall of the
    clicked ad on later searches. Deterministic for a seed."""
    found = [np.unique(buckets(t), return_counts=True) for t in texts]
    lengths = np.array([len(b) for b, _ in found])
    columns = np.concatenate([b for b, _ in found]) if lengths.sum() else np.empty(0, np.int64)
    counts = np.concatenate([c for _, c in found]) if lengths.sum() else np.empty(0, np.int64)
    having = np.bincount(columns, minlength=BUCKETS)
    idf = np.log((len(texts) + 1) / (having + 1)) + 1
    idf[having == 0] = 0
    table = csr_matrix(((1 + np.log(counts)) * idf[columns], columns, np.r_[0, np.cumsum(lengths)]), shape=(len(texts), BUCKETS))
    norm = np.sqrt(np.asarray(table.multiply(table).sum(1)).ravel())
    table = csr_matrix(table.multiply(1 / np.maximum(norm, 1e-12)[:, None]))
    svd = TruncatedSVD(min(DIM, max(len(texts) - 1, 1)), random_state=seed, n_iter=5).fit(table)
    vectors = np.zeros((BUCKETS, DIM), np.float32)
    vectors[:, : len(svd.components_)] = (svd.components_ * np.sqrt(svd.singular_values_)[:, None] * idf[None, :]).T
    return vectors


def recall_at(queries: list[str], clicked: list[str], ads: list[str], texts: list[str], vectors: NDArray[np.float32], k: int) -> float:
    """Share of the searches whose clicked ad is among the k nearest of all ads."""
    encoder, place = TextEncoder("0", vectors), {a: i for i, a in enumerate(ads)}
    pairs = [(q, place[c]) for q, c in zip(queries, clicked, strict=True) if c in place]
    if not pairs:
        return float("nan")
    alike = encoder.encode([q for q, _ in pairs]) @ unit_rows(encoder.encode(texts)).T
    own = alike[np.arange(len(pairs)), [c for _, c in pairs]]
    return float(((alike > own[:, None]).sum(axis=1) < k).mean())
