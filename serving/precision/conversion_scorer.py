"""For logs of clicks alone, which train no click ranker: clicks as often as before, conversions as the ranker says."""

from __future__ import annotations

import numpy as np

from feature_repo.services import INPUTS
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.errors import ConversionFailed
from serving.precision.historical_rate import click_rate
from serving.precision.model_matrix import model_matrix
from serving.record.request import AdRequest


class ConversionScorer:
    """Each ad's smoothed click rate × the conversion champion. Raises ServingError when there is none,
    ConversionFailed when it is not finite."""

    def enable(self, request: AdRequest, context: Context, live: Live) -> bool:
        return True

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores:
        conversion = live.admitted("conversion", "champion", "previous") or live.for_auction("conversion", "champion")
        model = INPUTS[conversion.manifest.input]
        x = model_matrix(model, context, candidates)
        pcvr = conversion.predict(x)
        if not np.isfinite(pcvr).all():
            raise ConversionFailed("scores", conversion.name, "They are not finite; roll back: `placard rollback conversion`.")
        return Scores(click_rate(request, candidates), pcvr, conversion.name, "fallback", model.name, x, conversion=conversion.name)
