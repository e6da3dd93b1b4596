"""Area under the ROC curve: the chance that a positive is scored above a negative, ties counting half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class WeightedAuc:
    """The ROC AUC of one set of predictions p, (n,), under many weightings of its rows; the predictions are sorted once."""

    def __init__(self, p: NDArray[np.float64]) -> None:
        self._order = np.argsort(p, kind="stable")
        ranked = p[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(p) else np.empty(0, np.int64)

    def __call__(self, label: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
        """The AUC; nan when one class is missing. label: (n,); weight: how often each row counts, (n,)."""
        w, positives = weight[self._order], label[self._order]
        positive = np.add.reduceat(w * positives, self._starts)
        negative = np.add.reduceat(w * ~positives, self._starts)
        below = np.cumsum(negative) - negative
        pairs = positive.sum() * negative.sum()
        return float((positive * (below + negative / 2)).sum() / pairs) if pairs > 0 else float("nan")


def roc_auc(label: NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    """The share of pairs of a positive and a negative that are in the right order (Mann–Whitney U over the number of pairs); higher
    is better, nan when all labels are alike. label and p: shape (n,).

    One positive and two negatives make two pairs: one in the right order, one tied.

    >>> roc_auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1]))
    0.75
    """
    return WeightedAuc(p)(label, np.ones(len(label))) if len(label) else float("nan")
