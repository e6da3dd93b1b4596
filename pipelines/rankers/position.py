"""Position bias: per surface, log-odds of a click by position relative to the first, from the explored slice.

Under random placement an ad's place says nothing of the ad, so click rates by position estimate examination (Wang et al. 2018).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PRIOR: Final = 50.0
"""Clicks' worth of the pooled power law that thin cells lean on."""


def position_offsets(rows: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    """Offsets per surface, the first 0. Uses explored rows when they hold clicks, else all (then biased, but better than none).

    rows: surface, position, label, explored, weight_rate.
    """
    out = {}
    for surface, found in rows.groupby("surface"):
        chosen = found[found["explored"]]
        chosen = chosen if chosen["label"].sum() >= 100 else found
        weight = np.where(chosen["label"], 1.0, 1.0 / chosen["weight_rate"])
        position = chosen["position"].to_numpy(np.int64)
        depth = int(position.max())
        clicks = np.bincount(position, chosen["label"], minlength=depth + 1)[1:]
        shown = np.bincount(position, weight, minlength=depth + 1)[1:]
        if depth == 1 or clicks[0] == 0:
            out[str(surface)] = (0.0,) * depth
            continue
        decay = _decay(clicks.astype(np.float64), shown.astype(np.float64))
        law = np.arange(1, depth + 1) ** -decay
        expected = shown * law * clicks.sum() / max((shown * law).sum(), 1e-9)
        lift = (clicks + PRIOR * law) / np.maximum(expected / law + PRIOR, 1e-9)
        offset = np.log(np.maximum(lift / lift[0], 1e-3))
        out[str(surface)] = tuple(float(o) for o in np.minimum.accumulate(offset))
    return out


def _decay(clicks: NDArray[np.float64], shown: NDArray[np.float64]) -> float:
    """The power law's exponent: weighted regression of log CTR on log position."""
    place = np.arange(1, len(clicks) + 1)
    used = (clicks >= 5) & (shown > 0)
    if used.sum() < 2:
        return 0.0
    x, y, w = np.log(place[used]), np.log(clicks[used] / shown[used]), clicks[used]
    x0, y0 = np.average(x, weights=w), np.average(y, weights=w)
    return float(np.clip(-np.sum(w * (x - x0) * (y - y0)) / np.sum(w * (x - x0) ** 2), 0, 2))


def offset_of(rows: pd.DataFrame, offsets: dict[str, tuple[float, ...]]) -> NDArray[np.float64]:
    """Each row's offset, shape (n,)."""
    out = np.zeros(len(rows))
    position = rows["position"].to_numpy(np.int64)
    for surface, table in offsets.items():
        here = (rows["surface"] == surface).to_numpy()
        out[here] = np.array(table)[np.clip(position[here] - 1, 0, len(table) - 1)]
    return out
