"""Cells: the same for the same ads, nothing lost in the new order, and most of what an exact scan finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import serving.snapshot.recall_index as recall_index
from pipelines.bench.serving.synthetic import catalogue
from serving.snapshot import open_current
from serving.snapshot.recall_index import ORDER, VECTORS, RecallIndex, arranged


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index from a thousand ads on, with 32 cells."""
    monkeypatch.setattr(recall_index, "INDEX_FROM", 1_000)
    monkeypatch.setattr(recall_index, "CELLS", 32)


def ads(n: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Columns of n ads in twenty neighbourhoods."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(20, 33))
    vectors = (centres[rng.integers(0, 20, n)] + rng.normal(scale=0.2, size=(n, 33))).astype(np.float32)
    return {VECTORS: vectors, "id.creative_id": np.array([f"c{i:05}".encode() for i in range(n)]), "campaign.id": np.array([b"k"])}


@pytest.mark.usefixtures("small")
def test_every_column_of_an_ad_moves_with_it() -> None:
    before = ads(3_000)
    after = arranged(before)
    assert not (after["id.creative_id"] == before["id.creative_id"]).all()
    assert (after["campaign.id"] == before["campaign.id"]).all(), "what is not by ad stays"
    found = after[ORDER][np.searchsorted(after["id.creative_id"], before["id.creative_id"], sorter=after[ORDER])]
    assert (after["id.creative_id"][found] == before["id.creative_id"]).all()
    assert (after[VECTORS][found] == before[VECTORS]).all()
    again = arranged(before)
    assert all((again[name] == after[name]).all() for name in after)


def test_a_small_catalogue_is_left_as_it_is() -> None:
    before = ads(50)
    assert arranged(before).keys() == before.keys() and RecallIndex.of(before) is None


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("share", [0.5, 0.03])
def test_it_returns_eligible_rows_and_most_of_the_best(share: float) -> None:
    columns = arranged(ads(6_000))
    index, vectors = RecallIndex.of(columns), columns[VECTORS]
    assert index is not None
    rng = np.random.default_rng(5)
    hits, k = [], 100
    for _ in range(20):
        eligible = rng.random(len(vectors)) < share
        wanted = vectors[rng.integers(len(vectors))]
        found = index.search(wanted, eligible, k)
        assert len(set(found.tolist())) == len(found) == k and eligible[found].all()
        assert (np.diff(vectors[found] @ wanted) <= 1e-5).all(), "best first"
        exact = np.flatnonzero(eligible)[np.argsort(-(vectors[eligible] @ wanted))[:k]]
        hits.append(len(set(found) & set(exact)) / k)
    assert np.mean(hits) >= 0.9


@pytest.mark.usefixtures("small")
def test_fewer_eligible_than_wanted_are_all_found() -> None:
    columns = arranged(ads(2_000))
    index = RecallIndex.of(columns)
    eligible = np.zeros(2_000, bool)
    eligible[[3, 500, 1_999]] = True
    assert index is not None
    assert set(index.search(columns[VECTORS][3], eligible, 10).tolist()) == {3, 500, 1_999}


@pytest.mark.usefixtures("small")
def test_creatives_are_found_by_id_in_an_arranged_snapshot(tmp_path: Path) -> None:
    catalogue(tmp_path, 2_000)
    snapshot = open_current(tmp_path)
    assert snapshot.recall_index is not None
    wanted = [snapshot.text("id.creative_id", r) for r in (1_999, 7, 1_000)]
    assert snapshot.rows_of(wanted) == [1_999, 7, 1_000]
    assert snapshot.rows_of(["zzz", "a", wanted[1]]) == [7]
