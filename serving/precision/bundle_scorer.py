"""Calibrated click and conversion probabilities from a registered bundle."""

from __future__ import annotations

import numpy as np

from feature_repo.services import INPUTS
from feature_repo.taxonomy import OBJECTIVES
from serving.candidates import Candidates, Scores
from serving.errors import ServingError
from serving.live import Live
from serving.precision.model_matrix import model_matrix
from serving.request import AdRequest
from serving.stages import Context

CPA = OBJECTIVES.index("cpa")


class BundleScorer:
    """Scores with the bundle of one alias. Raises ServingError when there is none, when it must not enter the auction, or when a
    score is not finite."""

    def __init__(self, alias: str, rung: str) -> None:
        self._alias, self._rung = alias, rung

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores:
        click = live.for_auction("click", self._alias)
        model = INPUTS[click.manifest.input]
        x = model_matrix(model, context, candidates)
        pctr = click.predict(x)
        pcvr = np.full(len(candidates), np.nan)
        conversion = live.admitted("conversion", self._alias, "champion", "previous")
        acting = np.asarray(candidates.snapshot["campaign.objective"][candidates.campaigns] == CPA)  # paid by the action
        if conversion is not None and acting.any():
            other = INPUTS[conversion.manifest.input]
            same = other.columns == model.columns
            pcvr[acting] = conversion.predict(x[acting] if same else model_matrix(other, context, candidates.keep(acting)))
        if not (np.isfinite(pctr).all() and np.isfinite(pcvr[acting & (conversion is not None)]).all()):
            raise ServingError("scores", click.name, "They are not finite; roll back: `placard rollback click`.")
        return Scores(pctr, pcvr, click.name, self._rung, model.name, x)
