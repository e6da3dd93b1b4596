"""The champion, asked only for those candidates whose place the fast model leaves open (after speculative execution: a cheap guess
first, the dear computation where the guess decides nothing)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.services import INPUTS
from serving.auction.auction import CPC, payable, rank_scores, value_per_bid
from serving.auction.bids import Bids
from serving.auction.quality import QualityModel
from serving.bundles import Bundle
from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.engine.tiers import PRIMARY
from serving.errors import Busy, Late
from serving.precision.conversions import acting, conversions
from serving.precision.model_matrix import matrices, matrix_of
from serving.precision.standing import Standing
from serving.record.request import AdRequest
from serving.settings import Settings

FAST: Final = "fast"
SPREAD: Final = 4
"""One row in this many of the champion's first batch is spread evenly over all candidates; the others are the fast model's leaders. So the
difference of the two models is known for the rest of the candidates as well."""


@dataclass(frozen=True)
class Speculation:
    """The settings of speculation. on: whether it is used. confidence: how certain it must be that a candidate is neither shown nor sets a
    price, for the champion not to score it. batch: rows that the champion scores in one call."""

    on: bool
    confidence: float
    batch: int


def speculation_of(settings: Settings) -> Speculation:
    return Speculation(settings.precision.speculative, settings.precision.speculative_confidence, settings.precision.primary_batch)


class Speculative:
    """Scores all candidates with the bundle @fast, and only those with @champion that may still be shown or set a price. The champion
    scores in batches: first the fast model's leaders and a few of all, then whoever may still reach a place.

    Candidates that are left keep the fast model's score, corrected by how the champion differed on the others. They can be shown only on a
    page that is dealt at random. Scores do not depend on whether a page is dealt, since the probabilities in the record would be wrong
    otherwise. When the champion is late or busy between two batches, the rest keep the fast scores too, and the rung is `partial`.

    Applies where speculation is on and both bundles may enter the auction. Raises what Tiers.score raises.
    """

    def __init__(self, speculation: Speculation, bids: Bids, quality: QualityModel, one_each: bool = True, hides: bool = False) -> None:
        self._how, self._bids, self._quality, self._one_each, self._hides = speculation, bids, quality, one_each, hides

    def enable(self, request: AdRequest, context: Context, live: Live) -> bool:
        return self._how.on and all(live.admitted("click", alias) is not None for alias in (PRIMARY, FAST))

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores:
        click, fast = live.for_auction("click", PRIMARY), live.for_auction("click", FAST)
        model, x, read = matrices(click, context, candidates, live)
        conversion = live.admitted("conversion", PRIMARY, "previous")
        said = conversion.name if conversion is not None else ""
        phide = click.further("hide", read) if self._hides else None
        if len(candidates) <= self._how.batch:
            pctr = context.allowance.score(PRIMARY, click, read)
            pcvr = conversions(context, candidates, PRIMARY, conversion, model, x)
            return Scores(pctr, pcvr, click.name, "full", model.name, x, conversion=said, phide=phide)
        quick = live.admitted("conversion", FAST) or conversion
        guess = replace(self._guess(context, candidates, fast, quick, x, model.name), phide=phide)
        auction = _Auction.of(self._bids, self._quality, request, context, candidates, guess)
        worth = auction.log_worth(guess.pctr, guess.pcvr)
        standing = Standing(worth, auction.kind, self._owner(candidates), request.slots + 1, auction.costs)
        pctr, pcvr, rung = guess.pctr.copy(), guess.pcvr.copy(), "full"
        rows = self._first(auction.rank(guess.pctr, guess.pcvr))
        while len(rows):
            some = candidates.take(rows)
            try:
                pctr[rows] = context.allowance.score(PRIMARY, click, read[rows])
                if quick is not conversion:
                    pcvr[rows] = conversions(context, some, PRIMARY, conversion, model, x[rows])
            except (Late, Busy):
                if not standing.asked.any():
                    raise
                pctr[rows], pcvr[rows], rung = guess.pctr[rows], guess.pcvr[rows], "partial"
                break
            standing.known[rows] = auction.log_worth(pctr, pcvr)[rows]
            rows = standing.open(self._how.confidence)[: self._how.batch]
        left = ~standing.asked
        pctr[left] = np.clip(pctr[left] * np.exp(standing.errors()[0][left]), 1e-9, 1 - 1e-9)
        asked, other = (standing.asked, fast.name) if left.any() else (None, "")
        return Scores(pctr, pcvr, click.name, rung, model.name, x, asked, other, said, phide)

    def _guess(
        self, context: Context, candidates: Candidates, fast: Bundle, conversion: Bundle | None, x: NDArray[np.float32], made: str
    ) -> Scores:
        """Everyone's scores by the fast models; x: the input of this name, which they read too as a rule."""
        model, own = INPUTS[made], INPUTS[fast.manifest.input]
        matrix = matrix_of(own, model, x, context, candidates)
        pctr = context.allowance.score(FAST, fast, matrix)
        return Scores(pctr, conversions(context, candidates, FAST, conversion, model, x), fast.name, FAST)

    def _owner(self, candidates: Candidates) -> NDArray[np.int64]:
        """A number for each advertiser, or for each candidate where an advertiser may have several places."""
        if not self._one_each:
            return np.arange(len(candidates))
        return np.asarray(np.unique(candidates.snapshot.campaign_advertiser[candidates.campaigns], return_inverse=True)[1], np.int64)

    def _first(self, guess: NDArray[np.float64]) -> NDArray[np.int64]:
        """The first batch: the leaders, and some of the others at even distances."""
        order = np.argsort(-guess, kind="stable")
        leaders = self._how.batch - self._how.batch // SPREAD
        others = np.linspace(leaders, len(order) - 1, self._how.batch - leaders).astype(np.int64)
        return np.asarray(order[np.concatenate([np.arange(leaders), others])])


@dataclass(frozen=True)
class _Auction:
    """What the auction multiplies probabilities by, and takes off, (n,). kind: 0 where a place does not depend on them, 1 by click, 2 by
    conversion."""

    bid: NDArray[np.int64]
    factor: NDArray[np.float64]
    costs: NDArray[np.int64]
    objective: NDArray[np.integer]
    kind: NDArray[np.int64]

    @classmethod
    def of(
        cls, bids: Bids, quality: QualityModel, request: AdRequest, context: Context, candidates: Candidates, scores: Scores
    ) -> _Auction:
        objective = candidates.of_campaigns("campaign.objective")
        judged = quality.quality(request, context, candidates, scores)
        return cls(
            payable(objective, bids.bids(request, candidates)), judged.factor, judged.costs, objective,
            np.where(acting(candidates), 2, np.where(objective == CPC, 1, 0)),
        )  # fmt: skip

    def rank(self, pctr: NDArray[np.float64], pcvr: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rank scores, -inf for who cannot be priced."""
        rank = rank_scores(self.bid, value_per_bid(self.objective, pctr, pcvr), self.factor, self.costs)
        return np.nan_to_num(rank, nan=-np.inf)

    def log_worth(self, pctr: NDArray[np.float64], pcvr: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log of eCPM × quality, -inf for who cannot be priced: a better model changes it by the same factor as the probability, which is
        not so for what is left when the cost is taken off."""
        worth = np.nan_to_num(rank_scores(self.bid, value_per_bid(self.objective, pctr, pcvr), self.factor), nan=0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(worth))
