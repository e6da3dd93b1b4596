"""The input of a model for a request and its candidates, columns in the model's order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from feature_repo.request_time import pair_columns
from serving.candidates import Candidates
from serving.stages import Context


def model_matrix(model: ModelInput, context: Context, candidates: Candidates) -> NDArray[np.float32]:
    """The model's (n, k) input: ad columns gathered from the snapshot in one go, the rest filled in place."""
    snapshot, rows = candidates.snapshot, candidates.rows
    out = np.empty((len(rows), len(model.columns)), np.float32)
    row = np.zeros(len(model.columns), np.float32)
    for origin, columns in (("user", context.user), ("context", context.moment)):
        for i in model.of(origin):
            row[i] = columns[model.columns[i].name][0]
    out[:] = row
    ads, at = snapshot[f"matrix.{model.name}"].take(rows, axis=0), 0
    for first, last in _runs(model):
        out[:, first:last] = ads[:, at : at + last - first]
        at += last - first
    pair = pair_columns(context.moment, context.user, snapshot.pair_inputs(rows))
    for i in model.of("pair"):
        out[:, i] = pair[model.columns[i].name]
    return out


@lru_cache(maxsize=16)
def _runs(model: ModelInput) -> tuple[tuple[int, int], ...]:
    """The ad columns as [first, last) stretches: slices copy several times faster than lists of positions."""
    ads = model.of("ad")
    firsts = [i for i in ads if i - 1 not in ads]
    return tuple((i, next(j for j in range(i, len(model.columns) + 1) if j not in ads)) for i in firsts)
