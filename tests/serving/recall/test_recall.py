"""Recall: exact against brute force, and what the inverted file finds of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from feature_repo.tables.user_embedding import USER_EMBEDDING
from serving.engine.candidates import Candidates
from serving.engine.stages import NOBODY
from serving.recall.nearest import Nearest
from serving.record.request import AdRequest
from serving.snapshot.recall_index import query

Ask = Callable[..., AdRequest]


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_scan_finds_what_brute_force_finds_among_the_eligible(bench: Any, ask: Ask, share: float) -> None:
    rng = np.random.default_rng(3)
    rows = np.flatnonzero(rng.random(len(bench.snapshot)) < share)
    context = bench.surface.understanding[0].understand(ask(), NOBODY, bench.live)
    vector = rng.normal(size=(1, USER_EMBEDDING.features[0].width)).astype(np.float32)
    context.user[USER_EMBEDDING.names[0]] = vector
    found = Nearest().recall(ask(), context, Candidates(bench.snapshot, rows), 25)
    score = bench.snapshot["recall.vectors"] @ query(vector[0])
    assert set(found.rows) == set(rows[np.argsort(-score[rows])[:25]])
