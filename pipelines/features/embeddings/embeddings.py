"""The vectors of users and of ads that one day's embedding makes."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Embeddings:
    """users, ads: a vector (WIDTH,) float32 by id; their product says how well they go together."""

    users: pd.Series
    ads: pd.Series
