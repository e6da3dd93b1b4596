"""Recall of a search: as many of each kind of match as there is room for, the best first, however many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serving.engine.candidates import Candidates
from serving.recall.best_match import KINDS, BestMatch
from serving.record.match import Match
from serving.record.request import AdRequest


def found(n: int, seed: int) -> Match:
    """n matches of every kind, with ties in each thing that they are ordered by."""
    rng = np.random.default_rng(seed)
    alike = rng.choice(np.r_[np.linspace(-1, 1, 9), np.nan], n).astype(np.float32)
    kind = rng.choice(KINDS, n, p=[0.05, 0.15, 0.6, 0.1, 0.1]).astype(np.int8)
    return Match(np.arange(n), kind, rng.random(n) < 0.4, rng.integers(0, 5, n), alike)


@pytest.mark.parametrize(("n", "k"), [(40, 100), (200, 1), (200, 3), (200, 60), (2_000, 150), (2_000, 1_999)])
def test_the_best_of_each_kind_in_turn(searching: Any, n: int, k: int) -> None:
    match, request = found(n, seed=n + k), AdRequest("r", "search", "u", None)  # type: ignore[arg-type]
    rows = np.arange(n)
    got = BestMatch().recall(request, None, Candidates(searching.live.snapshot, rows, match=match), k)  # type: ignore[arg-type]
    alike = np.nan_to_num(match.similarity)
    ranked = sorted(rows, key=lambda i: (match.close[i], -alike[i], -match.bid_micros[i]))
    queues = [[i for i in ranked if match.kind[i] == kind] for kind in KINDS]
    turns = [queue[place] for place in range(n) for queue in queues if place < len(queue)]
    assert got.rows.tolist() == (turns[:k] if n > k else rows.tolist())
    assert got.match is not None and (got.match.kind == match.kind[got.rows]).all()
