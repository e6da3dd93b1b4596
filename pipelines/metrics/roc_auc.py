"""Area under the ROC curve: the chance that a positive is scored above a negative, ties counting half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def roc_auc(label: NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    """Higher is better; nan when all labels are alike (Mann–Whitney U over the number of pairs)."""
    positives = int(label.sum())
    pairs = positives * (len(label) - positives)
    if pairs == 0:
        return float("nan")
    return float((rankdata(p)[label].sum() - positives * (positives + 1) / 2) / pairs)
