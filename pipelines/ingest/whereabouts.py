"""In which day's partition each key of a table lies, for a table of any length: 8 bytes a key."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def _hashes(keys: pd.Series) -> Hashes:
    return np.asarray(pd.util.hash_array(keys.to_numpy(dtype=object), categorize=False), np.uint64)


class Whereabouts:
    """Keys by day, as 64-bit hashes."""

    def __init__(self) -> None:
        self._days: dict[date, Hashes] = {}

    def put(self, day: date, keys: pd.Series) -> None:
        """Says which keys a day has, all of them."""
        self._days[day] = np.sort(_hashes(keys))

    def days(self, keys: pd.Series) -> dict[date, NDArray[np.int64]]:
        """The places in `keys` of those that each day may have, days ascending. Two keys may share a hash: look at the rows."""
        wanted = _hashes(keys)
        found = {day: np.flatnonzero(_among(wanted, held)) for day, held in sorted(self._days.items())}
        return {day: at for day, at in found.items() if len(at)}


def _among(wanted: Hashes, held: Hashes) -> NDArray[np.bool_]:
    """held: ascending."""
    if len(held) == 0:
        return np.zeros(len(wanted), bool)
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return np.asarray(held[at] == wanted)
