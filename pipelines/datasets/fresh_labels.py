"""Labels as they were known when the test rows begin: recent rows may teach before their window has passed."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd

HOUR: Final = np.timedelta64(1, "h")


def fresh_labels(frame: pd.DataFrame, window: timedelta) -> pd.DataFrame:
    """The frame with what ripeness (rankers/delay.py) reads: what came by the first test row's moment is all that earlier rows know.

    frame: ts, happened (the outcome's moment, absent for none), split. Test rows keep the label of their whole window.
    """
    out, later = frame.copy(), (frame["split"] == "test").to_numpy()
    hours, ts = window / timedelta(hours=1), frame["ts"].to_numpy("datetime64[us]")
    seen = np.where(later, hours, np.minimum((ts[later].min() - ts) / HOUR, hours))
    delay = (frame["happened"].to_numpy("datetime64[us]") - ts) / HOUR
    came = np.nan_to_num(delay, nan=np.inf) <= seen
    return out.assign(label=came, delay_hours=np.where(came, delay, np.nan), seen_hours=seen, window_hours=hours)
