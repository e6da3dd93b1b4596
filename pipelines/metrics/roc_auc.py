"""Area under the ROC curve: the chance that a positive is scored above a negative, ties counting half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def roc_auc(label: NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    """The share of pairs of a positive and a negative that are in the right order (Mann–Whitney U over the number of pairs); higher
    is better, nan when all labels are alike. label and p: shape (n,).

    One positive and two negatives make two pairs: one in the right order, one tied.

    >>> roc_auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1]))
    0.75
    """
    positives = int(label.sum())
    pairs = positives * (len(label) - positives)
    if pairs == 0:
        return float("nan")
    return float((rankdata(p)[label].sum() - positives * (positives + 1) / 2) / pairs)
