"""Divides labelled rows by time, and thins out negatives."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.text import hash_codes


def split(frame: pd.DataFrame, cuts: tuple[float, float]) -> NDArray[np.object_]:
    """train / calibrate / test by time: boundaries at two shares of the rows, never inside one moment."""
    ts = frame["ts"].to_numpy()
    first, second = (ts[min(int(len(ts) * c), len(ts) - 1)] for c in cuts)
    return np.where(ts < first, "train", np.where(ts < second, "calibrate", "test")).astype(object)


def sample(frame: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Keeps `rate` of the negatives of everything but the test rows, by a hash of the row's id, so again gives the same."""
    kept = frame["label"] | (frame["split"] == "test") | (hash_codes(frame["row_id"].to_numpy(object)) % 10_000 < rate * 10_000)
    return frame[kept].reset_index(drop=True)
