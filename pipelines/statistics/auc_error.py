"""The standard error of an area under the ROC curve, from the area and the counts alone."""

from __future__ import annotations


def auc_error(auc: float, positives: float, negatives: float) -> float:
    """By Hanley and McNeil (1982): for scores of about exponential distributions, and on the safe side for most others. auc: in [0, 1].
    nan where one class is missing.

    >>> round(auc_error(0.5, 30, 300), 4)
    0.0554
    """
    if positives < 1 or negatives < 1:
        return float("nan")
    two_positives, two_negatives = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (two_positives - auc**2) + (negatives - 1) * (two_negatives - auc**2)
    return float((max(spread, 0.0) / (positives * negatives)) ** 0.5)
