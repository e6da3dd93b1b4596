"""Which rows a resample takes or leaves as one: those of a user, who clicks much or little whatever is shown."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NAMELESS: Final = 1_000
"""Groups into which rows without a user are dealt: one group of them all would stand or fall together."""


def drawn_together(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Number of each row's group, (n,), from 0 on without gaps. rows: with user_id, "" where nobody is known.

    >>> drawn_together(pd.DataFrame({"user_id": ["b", "a", "b", "", ""]})).tolist()
    [1, 0, 1, 2, 3]
    """
    user = rows["user_id"].to_numpy(str)
    users, group = np.unique(user, return_inverse=True)
    nameless = np.flatnonzero(user == "")
    if len(nameless):
        group[nameless] = len(users) + np.arange(len(nameless)) % NAMELESS
        group = np.unique(group, return_inverse=True)[1]
    return np.asarray(group, np.int64)
