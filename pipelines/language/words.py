"""From the catalogue and the query log: known words, names, and terms that mean alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from feature_repo.taxonomy import CATEGORIES
from feature_repo.text import runs, stem, tokenise
from pipelines.language.general_words import general_dictionary
from pipelines.language.query_log import QueryLog
from serving.language.keyword_insertion import insert
from serving.language.language import KnownWords
from serving.language.text_encoder import Encoder

SEARCHED_OFTEN: Final = 5
"""Searches that make a word known that no ad or page uses: a misspelling is rarer."""
PRODUCT_WORDS: Final = 3
RELATED: Final = 5
"""Terms that are kept for each."""
CLICKS: Final = 5
"""Clicks that a term needs before it has relations."""
AT_ONCE: Final = 1_024
"""Terms that are compared with all others at a time: memory grows with the terms, not with their square."""
ALIKE: Final = {"clicks": 0.35, "embedding": 0.75}
"""Least cosine of related terms, by where it was learned."""


def known_words(log: QueryLog) -> KnownWords:
    """How often each word is used in the catalogue and, where that is often, in searches; which of them the catalogue uses."""
    counts: Counter[str] = Counter()
    for table, columns in (
        ("creatives", ("headline", "description")),
        ("keywords", ("text",)),
        ("landing_pages", ("title", "text")),
        ("advertisers", ("brand", "name")),
    ):
        for column in columns:
            for text in _texts(log.catalog[table], column):
                counts.update(tokenise(text))
    for category in CATEGORIES:
        counts.update(category.split("-"))
    offered = frozenset(counts)
    searched: Counter[str] = Counter()
    for text in log.queries["text"]:
        searched.update(tokenise(text))
    for word, count in searched.items():
        if word in counts or count >= SEARCHED_OFTEN + len(log.queries) // 2_000:
            counts[word] += count
    return KnownWords(dict(counts), offered, general_dictionary())


def _texts(table: pa.Table, column: str) -> list[str]:
    return [insert(t or "", "", 1).text if column == "headline" else t or "" for t in table[column].to_pylist()]


def names(log: QueryLog) -> list[tuple[str, str, str]]:
    """(normalised name, kind, key): brands, products that are bought as keywords, regions that are targeted, categories."""
    catalog = log.catalog
    out = {
        (" ".join(tokenise(b or "")), "brand", a)
        for b, a in zip(catalog["advertisers"]["brand"].to_pylist(), catalog["advertisers"]["advertiser_id"].to_pylist(), strict=True)
    }
    out |= {(" ".join(tokenise(r)), "location", r) for row in catalog["campaigns"]["regions"].to_pylist() for r in row or []}
    out |= {(c.replace("-", " "), "category", c) for c in CATEGORIES[1:]}
    keywords = catalog["keywords"]
    for text, negative in zip(keywords["text"].to_pylist(), keywords["negative"].to_pylist(), strict=True):
        words = tokenise(text or "")
        if not negative and 0 < len(words) <= PRODUCT_WORDS:
            out.add((" ".join(words), "product", " ".join(words)))
    return sorted(n for n in out if n[0])


def related_terms(log: QueryLog, encoder: Encoder | None) -> dict[str, list[tuple[str, float, str]]]:
    """For stems and pairs of stems: terms that lead to clicks on the same ads (cosine of positive pointwise mutual information,
    the query-click graph of Beeferman and Berger 2000), and terms whose vectors are near."""
    clicked = log.shown[log.shown["clicked"]]
    said: dict[str, Counter[str]] = {}
    cells: Counter[tuple[str, str]] = Counter()
    for text, creative in zip(clicked["text"], clicked["creative_id"], strict=True):
        words = tokenise(text)
        for form, term in zip(runs(words, 2), runs([stem(w) for w in words], 2), strict=True):
            said.setdefault(term, Counter())[form] += 1
            cells[term, creative] += 1
    terms = sorted(t for t, forms in said.items() if forms.total() >= CLICKS)
    if not terms:
        return {}
    shown = {t: said[t].most_common(1)[0][0] for t in terms}
    out: dict[str, list[tuple[str, float, str]]] = {t: [] for t in terms}
    place, ads = {t: i for i, t in enumerate(terms)}, {a: i for i, a in enumerate(sorted(set(clicked["creative_id"])))}
    kept = [(place[t], ads[a], n) for (t, a), n in sorted(cells.items()) if t in place]
    counts = csr_matrix(
        ([n for *_, n in kept], ([t for t, *_ in kept], [a for _, a, _ in kept])), shape=(len(terms), len(ads)), dtype=float
    )
    total, by_term, by_ad = counts.sum(), np.asarray(counts.sum(1)).ravel(), np.asarray(counts.sum(0)).ravel()
    coo = counts.tocoo()
    ppmi = np.maximum(np.log(coo.data * total / (by_term[coo.row] * by_ad[coo.col])), 0)
    rows = csr_matrix((ppmi, (coo.row, coo.col)), shape=counts.shape)
    norm = np.sqrt(np.asarray(rows.multiply(rows).sum(1)).ravel())
    rows = csr_matrix(rows.multiply(1 / np.maximum(norm, 1e-12)[:, None]))
    _nearest(out, terms, shown, lambda some: (rows[some] @ rows.T).toarray(), "clicks")
    if encoder is not None:
        vectors = encoder.encode([shown[t] for t in terms])
        _nearest(out, terms, shown, lambda some: vectors[some] @ vectors.T, "embedding")
    return {t: sorted(found, key=lambda f: (-f[1], f[0]))[:RELATED] for t, found in out.items() if found}


def _nearest(
    out: dict[str, list[tuple[str, float, str]]], terms: list[str], shown: dict[str, str], cosines: Callable[[slice], np.ndarray],
    origin: str,
) -> None:  # fmt: skip
    """Adds each term's nearest others that do not hold, or stand in, its own words. cosines: of some terms with all, (k, terms)."""
    for start in range(0, len(terms), AT_ONCE):
        alike = cosines(slice(start, start + AT_ONCE))
        for term, row in zip(terms[start:], alike, strict=False):
            mine, have = set(term.split()), {f[0] for f in out[term]}
            for j in np.argsort(-row, kind="stable")[: RELATED * 4]:
                if row[j] < ALIKE[origin]:
                    break
                other = terms[j]
                if not mine & set(other.split()) and shown[other] not in have:
                    out[term].append((shown[other], round(float(min(row[j], 1.0)), 4), origin))
