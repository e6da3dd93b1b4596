"""NDCG@k: discounted gain of each request's ranking over the best possible one (Järvelin and Kekäläinen 2002)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def graded_ndcg(gains: NDArray[np.float64], best: NDArray[np.float64], k: int = 4) -> float:
    """NDCG of one ranking whose items have graded gains, in [0, 1]; nan where nothing has a gain.

    gains: what stands at each place, best place first. best: the gains of everything that could stand there, in any order. The gain at
    place i (from 1) is divided by log2(i + 1).

    The only useful item (gain 3) stands second: 3 / log2(3) of the 3 / log2(2) that it would have at the first place.

    >>> round(graded_ndcg(np.array([0.0, 3.0]), best=np.array([3.0, 0.0])), 4)
    0.6309
    """
    ideal = np.sort(best)[::-1][:k]
    whole = float((ideal / np.log2(np.arange(len(ideal)) + 2)).sum())
    shown = gains[:k]
    return float((shown / np.log2(np.arange(len(shown)) + 2)).sum()) / whole if whole > 0 else float("nan")


def ndcg_by_group(label: NDArray[np.bool_], p: NDArray[np.float64], group: NDArray[np.generic], k: int = 4) -> pd.Series[float]:
    """NDCG@k of each group that has a positive, the group as index. Rows of equal p stand in the order in which they are given."""
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
    """Mean NDCG@k of the groups, a positive being a gain of 1; higher is better. All three arrays have shape (n,). Groups without a
    positive do not count; nan if none is left.

    For user a the click is ranked first (1), for user b second (1 / log2(3) = 0.6309).

    >>> label, p = np.array([True, False, False, True]), np.array([0.9, 0.1, 0.9, 0.1])
    >>> round(ndcg(label, p, np.array(["a", "a", "b", "b"])), 4)
    0.8155
    """
    by = ndcg_by_group(label, p, group, k)
    return float(by.mean()) if len(by) else float("nan")
