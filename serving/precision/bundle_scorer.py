"""Calibrated click and conversion probabilities from a registered bundle."""

from __future__ import annotations

from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.engine.tiers import PRIMARY
from serving.precision.conversions import conversions
from serving.precision.model_matrix import matrices
from serving.record.request import AdRequest


class BundleScorer:
    """Scores with the bundle of one alias, or of the next where that is not set or must not enter the auction. Applies where
    either is set; the champion's always, so that a champion that is missing is named. hides: also says how likely a hide is. Raises
    ServingError when the champion is not set, BundleRefused when it must not enter, and what Tiers.score raises."""

    def __init__(self, alias: str, rung: str, otherwise: str = "", hides: bool = False) -> None:
        self._alias, self._rung, self._otherwise, self._hides = alias, rung, otherwise, hides

    def enable(self, request: AdRequest, context: Context, live: Live) -> bool:
        return self._alias == PRIMARY or any(live.bundle("click", alias) is not None for alias in (self._alias, self._otherwise))

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores:
        click = live.admitted("click", self._alias, self._otherwise) or live.for_auction("click", self._alias)
        model, x, own = matrices(click, context, candidates, live)
        pctr = context.allowance.score(self._alias, click, own)
        conversion = live.admitted("conversion", self._alias, PRIMARY, "previous")
        pcvr = conversions(context, candidates, self._alias, conversion, model, x)
        said = conversion.name if conversion is not None else ""
        phide = click.further("hide", own) if self._hides else None
        return Scores(pctr, pcvr, click.name, self._rung, model.name, x, conversion=said, phide=phide)
