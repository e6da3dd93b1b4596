"""Calibrated click and conversion probabilities from a registered bundle."""

from __future__ import annotations

from feature_repo.services import INPUTS
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.engine.tiers import PRIMARY
from serving.errors import Unset
from serving.precision.conversions import conversions
from serving.precision.model_matrix import model_matrix
from serving.record.request import AdRequest


class BundleScorer:
    """Scores with the bundle of one alias, or of the next where that is not set or must not enter the auction. Raises Unset when
    neither is set, ServingError when the champion is not, BundleRefused when it must not enter, and what Tiers.score raises."""

    def __init__(self, alias: str, rung: str, otherwise: str = "") -> None:
        self._alias, self._rung, self._otherwise = alias, rung, otherwise

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores:
        aliases = (self._alias, self._otherwise)
        if self._alias != PRIMARY and not any(live.bundle("click", alias) for alias in aliases):
            raise Unset("click bundle", f"@{self._alias}", f"`placard registry alias click VERSION {self._alias}` sets one.")
        click = live.admitted("click", *aliases) or live.for_auction("click", self._alias)
        model = INPUTS[click.manifest.input]
        x = model_matrix(model, context, candidates)
        pctr = context.allowance.score(self._alias, click, x)
        conversion = live.admitted("conversion", self._alias, PRIMARY, "previous")
        pcvr = conversions(context, candidates, self._alias, conversion, model, x)
        return Scores(pctr, pcvr, click.name, self._rung, model.name, x, conversion=conversion.name if conversion is not None else "")
