"""Search by meaning: exactly what a scan finds while ads are few, most of it when they are many, and only of the categories asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import serving.snapshot.meaning_index as meaning_index
import serving.snapshot.recall_index as recall_index
from feature_repo.taxonomy import CATEGORIES
from pipelines.bench.serving.synthetic import bought, catalogue, encoder
from serving.snapshot import open_current
from serving.snapshot.manifest import write_columns
from serving.snapshot.meaning_index import GIVEN, MeaningIndex, arranged_by_meaning

K = 100


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells from five hundred ads on."""
    monkeypatch.setattr(meaning_index, "EXACT", 500)
    monkeypatch.setattr(meaning_index, "LOOKED_AT", 800)
    monkeypatch.setattr(meaning_index, "PER_CELL", 40)


def ads(n: int, seed: int = 1) -> dict[str, np.ndarray]:
    """n unit vectors in forty neighbourhoods; a neighbourhood is of one category, but for one ad in ten."""
    rng = np.random.default_rng(seed)
    near = rng.integers(0, 40, n)
    vectors = rng.normal(size=(40, 16))[near] + rng.normal(scale=0.5, size=(n, 16))
    category = np.where(rng.random(n) < 0.1, rng.integers(0, len(CATEGORIES), n), near % 7 + 1)
    return {GIVEN: (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), "ad.category_code": category}


def scan(columns: dict[str, np.ndarray], wanted: np.ndarray, categories: list[str] | None) -> np.ndarray:
    rows = np.arange(len(columns[GIVEN]))
    if categories is not None:
        rows = rows[np.isin(columns["ad.category_code"], [CATEGORIES.index(c) for c in categories if c in CATEGORIES])]
    return np.asarray(rows[np.argsort(-(columns[GIVEN][rows] @ wanted), kind="stable")][:K])


ASKED = [None, [CATEGORIES[3]], [CATEGORIES[7], CATEGORIES[2], CATEGORIES[2]], ["no-such-category"], [], list(CATEGORIES)]


@pytest.mark.parametrize("categories", ASKED)
def test_few_ads_are_all_scanned(categories: list[str] | None) -> None:
    columns = ads(2_000)
    index = MeaningIndex(arranged_by_meaning(columns))
    for wanted in columns[GIVEN][:20]:
        rows, alike = index.search(wanted, categories, K)
        exact = scan(columns, wanted, categories)
        assert np.allclose(alike, columns[GIVEN][exact] @ wanted, atol=1e-6) and set(rows) == set(exact)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("categories", ASKED)
def test_of_many_most_of_the_best_are_found(categories: list[str] | None) -> None:
    columns = ads(6_000)
    index, hits = MeaningIndex(arranged_by_meaning(columns)), []
    for wanted in columns[GIVEN][:40]:
        rows, alike = index.search(wanted, categories, K)
        exact = scan(columns, wanted, categories)
        assert len(set(rows)) == len(rows) == len(exact) and (np.diff(alike) <= 0).all()
        assert np.allclose(alike, columns[GIVEN][rows] @ wanted, atol=1e-6), "a row and its cosine belong together"
        assert set(rows) <= set(scan_all(columns, categories))
        hits += [row in rows for row in exact]
    assert np.mean(hits or [True]) >= 0.9


def scan_all(columns: dict[str, np.ndarray], categories: list[str] | None) -> np.ndarray:
    numbers = range(len(CATEGORIES)) if categories is None else [CATEGORIES.index(c) for c in categories if c in CATEGORIES]
    return np.flatnonzero(np.isin(columns["ad.category_code"], list(numbers)))


@pytest.mark.usefixtures("many")
def test_the_same_ads_make_the_same_index() -> None:
    once, again = arranged_by_meaning(ads(2_000)), arranged_by_meaning(ads(2_000))
    assert once.keys() == again.keys() and all(np.array_equal(once[n], again[n]) for n in once) and GIVEN not in once


@pytest.mark.usefixtures("many")
def test_a_vector_stays_with_its_ad_when_recall_orders_the_rows_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recall_index, "INDEX_FROM", 1_000)
    monkeypatch.setattr(recall_index, "CELLS", 32)
    catalogue(tmp_path, 2_000, keywords=3_000)
    snapshot = open_current(tmp_path)
    assert snapshot.recall_index is not None and snapshot.meaning is not None
    said = bought(3_000, 500)["text"].to_pylist()
    numbers = [0, 1, 777, 1_999]
    rows = np.array(snapshot.rows_of([f"c{i:08d}" for i in numbers]))
    wanted = encoder().encode([said[i] for i in numbers])
    assert np.allclose(snapshot.meaning.vectors_of(rows), wanted, atol=1e-6)
    for row, vector in zip(rows, wanted, strict=True):
        category = CATEGORIES[snapshot["ad.category_code"][row]]
        found, alike = snapshot.meaning.search(vector, [category], 3)
        assert alike[0] == pytest.approx(1, abs=1e-5) and row in found[alike > 1 - 1e-5]


def test_columns_that_are_written_again_keep_their_index(tmp_path: Path) -> None:
    catalogue(tmp_path, 300, keywords=500)
    old = open_current(tmp_path)
    version = write_columns(tmp_path, old.as_of, {n: np.array(a) for n, a in old.arrays.items()}, len(old))
    assert version == old.version


@pytest.mark.parametrize("k", [1, 7, 100, 3_999, 4_000, 9_000])
@pytest.mark.parametrize("order", ["random", "rising", "equal", "sampled ones low"])
def test_the_highest_are_among_those_above_the_cut_whatever_the_sample_says(k: int, order: str) -> None:
    values = np.random.default_rng(k).normal(size=4_000).astype(np.float32)
    values = {"random": values, "rising": np.sort(values), "equal": np.ones_like(values)}.get(order, values)
    if order == "sampled ones low":
        values[:: meaning_index.SAMPLED] -= 100
    above = meaning_index._above(values, k)
    assert (np.diff(above) > 0).all() and len(above) >= min(k, 4_000)
    assert values[above].min() >= np.sort(values)[::-1][: len(above)].min()
