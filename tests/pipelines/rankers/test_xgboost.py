"""A forest that may read few columns reads those that tell most."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.rankers import RANKERS
from pipelines.rankers.fit_bundle import Ready
from pipelines.rankers.xgboost import Booster, Xgboost
from tests.pipelines.rankers.conftest import NUMBERS


def columns(learned: Any) -> set[int]:
    return {int(name[1:]) for name in learned.booster.get_score()}


@pytest.mark.parametrize("watched", [True, False])
def test_the_columns_that_tell_most_are_kept(thick: Any, watched: bool) -> None:
    ready = Ready.of(thick.dataset)
    early, late = thick.dataset.part("train"), thick.dataset.part("calibrate")
    family = replace(RANKERS["xgboost_slim"], columns=4)
    assert isinstance(family, Xgboost)
    few, encodings = ready.learn(family, early, late if watched else None, 10_000)
    everything, _ = ready.learn(replace(family, columns=0), early, late if watched else None, 10_000)
    assert columns(few) >= set(NUMBERS) and len(columns(few)) == 4 < len(columns(everything)), "three of the law and one identity"
    held = np.flatnonzero(thick.dataset.part("test"))
    truth = np.log(thick.truth[held] / (1 - thick.truth[held]))
    near = [np.corrcoef(ready.logits(learned, encodings, held)[:, 0], truth)[0, 1] for learned in (few, everything)]
    assert near[0] > near[1], "what is left out is only noise"


def test_rows_stay_as_they_are(thick: Any) -> None:
    """Several families learn from the same matrix."""
    ready, train = Ready.of(thick.dataset), thick.dataset.part("train")
    before = ready.encoded(train).matrix.copy()
    learned, _ = ready.learn(replace(RANKERS["xgboost_slim"], columns=2), train, None, 10_000)  # type: ignore[type-var]
    assert isinstance(learned, Booster) and len(columns(learned)) == 2
    assert np.array_equal(ready.encoded(train).matrix, before)
