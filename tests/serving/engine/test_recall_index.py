"""The inverted file finds most of what an exact scan finds, among the eligible only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import serving.snapshot.recall_index as recall_index
from serving.snapshot.recall_index import RecallIndex, write_index


def test_the_inverted_file_returns_eligible_rows_and_most_of_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall_index, "INDEX_FROM", 1_000)
    monkeypatch.setattr(recall_index, "LISTS", 32)
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(20, 33))
    vectors = (centres[rng.integers(0, 20, 6_000)] + rng.normal(scale=0.2, size=(6_000, 33))).astype(np.float32)
    write_index(tmp_path, vectors)
    index = RecallIndex.open(tmp_path)
    assert index is not None
    eligible = rng.random(6_000) < 0.5
    wanted = (centres[4] / np.linalg.norm(centres[4])).astype(np.float32)
    found = index.search(wanted, eligible, 100)
    assert len(set(found.tolist())) == len(found) <= 100 and eligible[found].all()
    exact = np.flatnonzero(eligible)[np.argsort(-(vectors[eligible] @ wanted))[:100]]
    assert len(set(found) & set(exact)) >= 90
