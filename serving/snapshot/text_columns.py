"""Snapshot columns of what ads and their landing pages say: vectors of the text encoder, and words for BM25."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.identity_codes import HASH_BUCKETS
from feature_repo.text import hash_codes, stem, tokenise
from serving.language.keyword_insertion import insert
from serving.language.text_encoder import Encoder

K1: Final = 1.2
B: Final = 0.75
"""BM25's saturation and length normalisation, at their usual values (Robertson and Zaragoza 2009)."""
NO_PAGE: Final = -1
PAGE_WORDS: Final = 600
"""Of a page that are read."""


def text_columns(catalog: Mapping[str, pa.Table], creatives: pa.Table, as_of: datetime, encoder: Encoder | None) -> dict[str, np.ndarray]:
    """creatives: the snapshot's rows. `page` numbers each ad's landing page, NO_PAGE for one that was never read, or held no words."""
    pages = catalog["landing_pages"].sort_by("landing_url") if "landing_pages" in catalog else None
    read = [] if pages is None else zip(*(pages[name].to_pylist() for name in ("landing_url", "title", "text")), strict=True)
    known = {url: i for i, (url, *words) in enumerate(read) if any(tokenise(w or "") for w in words)}
    page = np.array([known.get(url, NO_PAGE) if url else NO_PAGE for url in creatives["landing_url"].to_pylist()], np.int32)
    used = np.unique(page[page >= 0])
    rows = pages.take(pa.array(used)) if pages is not None else None
    titles = [] if rows is None else [t or "" for t in rows["title"].to_pylist()]
    said = [] if rows is None else [f"{title} {text or ''}" for title, text in zip(titles, rows["text"].to_pylist(), strict=True)]
    seen = [] if rows is None else [(as_of - at).total_seconds() / 86_400 for at in rows["created_ts"].to_pylist()]
    out = {"page": np.searchsorted(used, page).astype(np.int32), "page.age_days": np.array(seen, np.float32), **bm25(said)}
    out["page"][page == NO_PAGE] = NO_PAGE
    if encoder is not None:
        out["words.encoder"] = np.array([encoder.version.encode()])
        out["text.vectors"] = encoder.encode(ad_texts(catalog, creatives))
        out["page.vectors"] = encoder.encode(said)
    return out


def ad_texts(catalog: Mapping[str, pa.Table], creatives: pa.Table) -> list[str]:
    """What each ad says, with its ad group's keywords."""
    bought: dict[str, list[str]] = {}
    if "keywords" in catalog:
        keywords = catalog["keywords"].sort_by("keyword_id")  # sums of floats depend on the order
        for group, text, negative in zip(*(keywords[n].to_pylist() for n in ("ad_group_id", "text", "negative")), strict=True):
            if group and not negative:
                bought.setdefault(group, []).append(text or "")
    columns = (creatives[n].to_pylist() for n in ("headline", "description", "ad_group_id"))
    return [
        " ".join([insert(h or "", "", 1).text, insert(d or "", "", 1).text, *bought.get(g, ())]) for h, d, g in zip(*columns, strict=True)
    ]


def bm25(pages: list[str]) -> dict[str, np.ndarray]:
    """Each page's words (codes, ascending within a page) with their BM25 weight before idf, and every code's idf."""
    words = [[stem(w) for w in tokenise(text)[:PAGE_WORDS]] for text in pages]
    lengths = np.array([len(w) for w in words], np.int64)
    codes = hash_codes([w for row in words for w in row]).astype(np.int64) if lengths.sum() else np.empty(0, np.int64)
    key, count = np.unique(np.repeat(np.arange(len(pages)), lengths) * HASH_BUCKETS + codes, return_counts=True)
    page, term = key // HASH_BUCKETS, key % HASH_BUCKETS
    norm = 1 - B + B * lengths / max(float(lengths.mean()) if len(lengths) else 1.0, 1e-9)
    having = np.bincount(term, minlength=HASH_BUCKETS)
    idf = np.log1p((len(pages) - having + 0.5) / (having + 0.5))
    return {
        "page.terms": term.astype(np.int32), "page.terms_from": np.searchsorted(page, np.arange(len(pages) + 1)).astype(np.int64),
        "page.weights": (count * (K1 + 1) / (count + K1 * norm[page])).astype(np.float32), "page.idf": idf.astype(np.float32),
    }  # fmt: skip


def page_weight_of_all(idf: NDArray[np.float32]) -> float:
    """The most that words of these idf can weigh together: what BM25 is measured against."""
    return float(idf.sum() * (K1 + 1))
