"""Landing-page relevance against BM25 written out, and what is neutral."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.text import stem, tokenise
from serving.auction.page_relevance import page_relevance
from serving.language.analyse import analyse
from serving.snapshot import open_snapshot
from serving.snapshot.snapshot import write_snapshot
from serving.snapshot.text_columns import K1, B


def by_hand(pages: list[str], query: str) -> list[float]:
    """Okapi BM25 of each page over the most that the query's words could weigh."""
    words = [[stem(w) for w in tokenise(p)] for p in pages]
    mean = sum(map(len, words)) / len(words)
    asked = set(analyse(query, None).stems)
    idf = {w: np.log1p((len(pages) - n + 0.5) / (n + 0.5)) for w in asked for n in [sum(w in p for p in words)]}
    out = []
    for page in words:
        counts, norm = Counter(page), 1 - B + B * len(page) / mean
        out.append(sum(idf[w] * counts[w] * (K1 + 1) / (counts[w] + K1 * norm) for w in asked) / sum(idf[w] * (K1 + 1) for w in asked))
    return out


@pytest.mark.parametrize("query", ["running shoes", "espresso", "cheap espresso machine 😀", "all our things"])
def test_it_is_bm25_by_hand(searching: Any, query: str) -> None:
    snapshot = searching.live.snapshot
    pages = [
        f"{product} {f'Our {product}. ' * (a + 1)}"
        for a in range(1, 6)
        for product in ("running shoes", "garden hose", "espresso machine", "city hotel")
    ]
    rows = np.array(snapshot.rows_of([f"c{a}{p}0" for a in range(1, 6) for p in range(4)]))
    found, known = page_relevance(snapshot, analyse(query, None), None, rows)
    assert known.all() and found == pytest.approx(by_hand(pages, query), rel=1e-5)


def test_an_unknown_page_or_an_empty_query_is_neutral(searching: Any) -> None:
    snapshot = searching.live.snapshot
    rows = np.array(snapshot.rows_of(["c000", "c100"]))
    found, known = page_relevance(snapshot, analyse("running shoes", None), None, rows)
    assert known.tolist() == [False, True] and found[0] == 0.5 < found[1] <= 1
    found, known = page_relevance(snapshot, analyse("!!!", None), None, rows)
    assert found.tolist() == [0.5, 0.5]


def test_a_page_without_words_says_nothing(searched_catalog: Any, tmp_path: Path) -> None:
    pages = searched_catalog["landing_pages"].to_pylist()
    for page in pages:
        if page["landing_url"].endswith("/0"):
            page |= {"title": "", "text": " \n"}
    catalog = searched_catalog | {"landing_pages": pa.Table.from_pylist(pages, searched_catalog["landing_pages"].schema)}
    snapshot = open_snapshot(tmp_path / write_snapshot(tmp_path, datetime(2026, 1, 5, tzinfo=UTC), catalog, {}, None))
    found, known = page_relevance(snapshot, analyse("running shoes", None), None, np.array(snapshot.rows_of(["c100", "c110"])))
    assert known.tolist() == [False, True] and found[0] == 0.5


def test_the_vectors_speak_too(searching: Any) -> None:
    snapshot, encoder = searching.live.snapshot, searching.live.encoder
    rows = np.array(snapshot.rows_of(["c100", "c110"]))
    query = analyse("trainers", None)
    found, _ = page_relevance(snapshot, query, encoder.encode([query.normalised])[0], rows)
    assert found[0] > found[1] and ((found >= 0) & (found <= 1)).all()
