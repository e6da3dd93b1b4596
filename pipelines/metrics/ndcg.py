"""NDCG@k: discounted gain of each request's ranking over the best possible one (Järvelin and Kekäläinen 2002)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def ndcg(label: NDArray[np.bool_], p: NDArray[np.float64], group: NDArray[np.object_], k: int = 4) -> float:
    """Higher is better, binary gains, ties in the given order. Groups without a positive do not count; nan if none is left."""
    frame = pd.DataFrame({"group": group, "label": label.astype(float), "p": p})
    frame = frame.sort_values("p", ascending=False, kind="stable")
    frame["place"] = frame.groupby("group").cumcount()
    discount = 1 / np.log2(frame["place"] + 2)
    frame["gain"] = np.where(frame["place"] < k, frame["label"] * discount, 0.0)
    by = frame.groupby("group").agg(gain=("gain", "sum"), positives=("label", "sum"))
    by = by[by["positives"] > 0]
    if by.empty:
        return float("nan")
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(k) + 2))])
    return float(np.mean(by["gain"] / ideal[np.minimum(by["positives"].astype(int), k)]))
