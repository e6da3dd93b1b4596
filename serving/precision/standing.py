"""Who may still come to stand on the slate, or set a price there, once some candidates have been scored by the better model."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

FEW: Final = 8
"""With fewer pairs of scores than this, the distance of the two models is not estimated."""
LEAST_SPREAD: Final = 0.01


@dataclass
class Standing:
    """Whose place is still open while two models score n candidates. guess: log of eCPM × quality by the fast model, (n,), -inf for a
    candidate that cannot be priced. cost: what is taken off that for the rank score, (n,), eCPM micros. kind: the kind of payment as a
    small integer, (n,); the two models differ alike within a kind. owner: candidates of one owner can take one place only, (n,). places:
    the number of slots and one more, since the candidate below the last slot sets its price.

    The champion's log of eCPM × quality is taken for the guess plus a normal error, whose mean and spread are those of the pairs of
    scores of this very request. No history is needed of how two bundles compare, and a decision stays a function of its request.
    """

    guess: NDArray[np.float64]
    kind: NDArray[np.integer]
    owner: NDArray[np.integer]
    places: int
    cost: NDArray[np.integer]
    known: NDArray[np.float64] = field(init=False)
    """By the primary; nan where it has not been asked."""

    def __post_init__(self) -> None:
        self.known = np.full(len(self.guess), np.nan)

    @property
    def asked(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.known)

    def errors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(mean, spread) of the primary's log over the guess, (n,) each, by kind of payment; of all together where a kind has
        been seen too seldom."""
        pairs = self.asked & np.isfinite(self.guess) & np.isfinite(self.known)
        mean, spread = np.zeros(len(self.guess)), np.full(len(self.guess), np.inf)
        for kind in np.unique(self.kind):
            mine = self.kind == kind
            seen = pairs & mine if (pairs & mine).sum() >= FEW else pairs
            if seen.sum() >= FEW:
                error = self.known[seen] - self.guess[seen]
                mean[mine], spread[mine] = error.mean(), max(error.std(ddof=1), LEAST_SPREAD)
        return mean, spread

    def open(self, confidence: float) -> NDArray[np.int64]:
        """The candidates that the champion must still score, the likeliest first: those whose probability of a place, or of being the best
        of their owner, is at least 1 - confidence."""
        mean, spread = self.errors()
        asked, finite = self.asked, np.isfinite(self.guess)
        most = np.where(
            finite, np.exp(np.where(finite, self.guess + mean + NormalDist().inv_cdf(confidence) * spread, 0.0)) - self.cost, -np.inf
        )
        rank = np.exp(self.known[asked]) - self.cost[asked]
        best = np.full(int(self.owner.max()) + 1, -np.inf)
        np.maximum.at(best, self.owner[asked], np.where(rank >= 0, rank, -np.inf))
        last = 0.0 if len(best) < self.places else max(float(np.partition(best, -self.places)[-self.places]), 0.0)
        rows = np.flatnonzero(~asked & (most > np.maximum(last, best[self.owner])))
        return rows[np.argsort(-most[rows], kind="stable")]
