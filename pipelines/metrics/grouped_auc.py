"""Grouped AUC: ROC AUC within each user, averaged by impressions; blind to how well users are told apart (Zhou et al. 2018)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def auc_by_group(label: NDArray[np.bool_], p: NDArray[np.float64], group: NDArray[np.generic]) -> pd.DataFrame:
    """The ROC AUC within each group: columns `auc` and `n` (rows), one row a group that has both outcomes, the group as index."""
    frame = pd.DataFrame({"group": group, "label": label, "p": p})
    frame["rank"] = frame.groupby("group")["p"].rank()
    frame["won"] = frame["rank"].where(frame["label"], 0.0)
    by = frame.groupby("group").agg(n=("label", "size"), positives=("label", "sum"), won=("won", "sum"))
    by = by[(by["positives"] > 0) & (by["positives"] < by["n"])]
    auc = (by["won"] - by["positives"] * (by["positives"] + 1) / 2) / (by["positives"] * (by["n"] - by["positives"]))
    return pd.DataFrame({"auc": auc, "n": by["n"]})


def grouped_auc(label: NDArray[np.bool_], p: NDArray[np.float64], group: NDArray[np.generic]) -> float:
    """Mean AUC of the groups, weighted by their rows; higher is better. All three arrays have shape (n,). Groups with one kind of
    outcome do not count; nan when none is left.

    For user a the click is ranked first (AUC 1, two rows), for user b last of four (AUC 0): (1 × 2 + 0 × 4) / 6.

    >>> label = np.array([True, False, True, False, False, False])
    >>> p = np.array([0.9, 0.1, 0.1, 0.2, 0.3, 0.4])
    >>> round(grouped_auc(label, p, np.array(["a", "a", "b", "b", "b", "b"])), 4)
    0.3333
    """
    by = auc_by_group(label, p, group)
    return float(np.average(by["auc"], weights=by["n"])) if len(by) else float("nan")
