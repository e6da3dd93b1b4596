"""Calibrated click and conversion probabilities from a registered bundle."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from feature_repo.request_time import pair_columns
from feature_repo.services import INPUTS
from feature_repo.taxonomy import OBJECTIVES
from serving.bundles import Bundle
from serving.candidates import Candidates, Scores
from serving.errors import ServingError
from serving.live import Live
from serving.request import AdRequest
from serving.stages import Context

CPA = OBJECTIVES.index("cpa")


class BundleScorer:
    """Scores with the bundle of one alias. Raises ServingError when there is none, or when a score is not finite."""

    def __init__(self, alias: str, rung: str) -> None:
        self._alias, self._rung = alias, rung

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores:
        click = live.bundle("click", self._alias)
        if click is None:
            raise ServingError("click bundle", f"@{self._alias}", "Promote one: `placard promote click`.")
        x = model_matrix(INPUTS["click"], context, candidates)
        pctr = click.predict(x)
        pcvr = np.full(len(candidates), np.nan)
        conversion = live.bundle("conversion", self._alias) or live.bundle("conversion", "champion")
        paid_by_action = np.asarray(candidates.snapshot["campaign.objective"][candidates.campaigns] == CPA)
        if conversion is not None and paid_by_action.any():
            pcvr[paid_by_action] = _conversion(conversion, x, context, candidates, paid_by_action)
        if not (np.isfinite(pctr).all() and np.isfinite(pcvr[paid_by_action & (conversion is not None)]).all()):
            raise ServingError("scores", click.name, "They are not finite; roll back: `placard rollback click`.")
        return Scores(pctr, pcvr, click.name, self._rung, x)


def _conversion(
    bundle: Bundle, x: NDArray[np.float32], context: Context, candidates: Candidates, rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    same = INPUTS["conversion"].columns == INPUTS["click"].columns
    return bundle.predict(x[rows] if same else model_matrix(INPUTS["conversion"], context, candidates.keep(rows)))


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
