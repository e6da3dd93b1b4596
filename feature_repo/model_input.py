"""From named columns to a model's matrix: the one function that training and serving both call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from feature_repo.errors import FeatureError

Columns = Mapping[str, np.ndarray]
"""Named columns of equal length n, or of length 1 to be broadcast; vectors have shape (n, width)."""


@dataclass(frozen=True)
class Column:
    """One model input. origin: `context` (request), `user`, `ad` (feature tables and catalogue), `pair` or `search` (request_time.py).

    kind `category` marks identity codes (text.hash_codes), which a ranker encodes and never orders by; `history` what is told
    of a user's latest actions, action by action, which only rankers that read sequences know what to do with. since: the first version of
    the inputs that holds the column; until: the first that does not any more, 0 for none (services.py).
    """

    name: str
    origin: Literal["context", "user", "ad", "pair", "search"]
    kind: Literal["numeric", "category", "history"] = "numeric"
    since: int = 1
    until: int = 0

    def held_by(self, version: int) -> bool:
        """Whether a version of the inputs holds the column."""
        return self.since <= version and not 0 < self.until <= version


@dataclass(frozen=True)
class ModelInput:
    """One version of the ordered input of a family of rankers. Every bundle, snapshot and decision names the input, `click_v2`."""

    name: str
    columns: tuple[Column, ...]
    version: int = 1

    def __hash__(self) -> int:  # asked for several times a request: of all the columns it would cost more than gathering them
        return hash(self.name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def of(self, origin: str) -> tuple[int, ...]:
        """Positions of the columns of one origin."""
        return self._by_origin.get(origin, ())

    @cached_property
    def _by_origin(self) -> dict[str, tuple[int, ...]]:
        origins = dict.fromkeys(c.origin for c in self.columns)
        return {origin: tuple(i for i, c in enumerate(self.columns) if c.origin == origin) for origin in origins}

    def matrix(self, n: int, context: Columns, user: Columns, ad: Columns, pair: Columns, search: Columns) -> NDArray[np.float32]:
        """The (n, k) float32 matrix in column order. Raises FeatureError naming a column that is absent or too short."""
        out = np.empty((n, len(self.columns)), np.float32)
        origins = {"context": context, "user": user, "ad": ad, "pair": pair, "search": search}
        for i, column in enumerate(self.columns):
            values = origins[column.origin].get(column.name)
            if values is None:
                raise FeatureError(f"{column.origin} column", column.name, f"{self.name} needs it; rebuild the features or the bundle.")
            if len(values) not in (1, n):
                raise FeatureError(f"{column.origin} column", column.name, f"It has {len(values)} rows, {n} are needed.")
            out[:, i] = values
        return out
