"""NDCG@k: discounted gain of each request's ranking over the best possible one (Järvelin and Kekäläinen 2002)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def graded_ndcg(gains: NDArray[np.float64], best: NDArray[np.float64], k: int = 4) -> float:
    """Of one ranking. gains: what stands at each place, in order; best: of everything that could stand there, in any order.
    nan where nothing has a gain."""
    ideal = np.sort(best)[::-1][:k]
    whole = float((ideal / np.log2(np.arange(len(ideal)) + 2)).sum())
    shown = gains[:k]
    return float((shown / np.log2(np.arange(len(shown)) + 2)).sum()) / whole if whole > 0 else float("nan")


def ndcg_by_group(label: NDArray[np.bool_], p: NDArray[np.float64], group: NDArray[np.generic], k: int = 4) -> pd.Series[float]:
    """Of each group that has a positive, the group as index; ties in the given order."""
    frame = pd.DataFrame({"group": group, "label": label.astype(float), "p": p})
    frame = frame.sort_values("p", ascending=False, kind="stable")
    frame["place"] = frame.groupby("group").cumcount()
    discount = 1 / np.log2(frame["place"] + 2)
    frame["gain"] = np.where(frame["place"] < k, frame["label"] * discount, 0.0)
    by = frame.groupby("group").agg(gain=("gain", "sum"), positives=("label", "sum"))
    by = by[by["positives"] > 0]
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(k) + 2))])
    return pd.Series(by["gain"] / ideal[np.minimum(by["positives"].astype(int), k)])


def ndcg(label: NDArray[np.bool_], p: NDArray[np.float64], group: NDArray[np.generic], k: int = 4) -> float:
    """Higher is better, binary gains. Groups without a positive do not count; nan if none is left."""
    by = ndcg_by_group(label, p, group, k)
    return float(by.mean()) if len(by) else float("nan")
