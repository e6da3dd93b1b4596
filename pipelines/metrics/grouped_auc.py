"""Grouped AUC: ROC AUC within each user, averaged by impressions; blind to how well users are told apart (Zhou et al. 2018)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def grouped_auc(label: NDArray[np.bool_], p: NDArray[np.float64], group: NDArray[np.object_]) -> float:
    """Higher is better. Groups with one kind of outcome do not count; nan when none is left."""
    frame = pd.DataFrame({"group": group, "label": label, "p": p})
    frame["rank"] = frame.groupby("group")["p"].rank()
    frame["won"] = frame["rank"].where(frame["label"], 0.0)
    by = frame.groupby("group").agg(n=("label", "size"), positives=("label", "sum"), won=("won", "sum"))
    by = by[(by["positives"] > 0) & (by["positives"] < by["n"])]
    if by.empty:
        return float("nan")
    auc = (by["won"] - by["positives"] * (by["positives"] + 1) / 2) / (by["positives"] * (by["n"] - by["positives"]))
    return float(np.average(auc, weights=by["n"]))
