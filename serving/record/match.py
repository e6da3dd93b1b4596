"""How the candidates of a search were found."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

SEMANTIC: Final = 3
"""A candidate found by meaning, after the numbers of taxonomy.MATCH_TYPES."""
NONE: Final = -1
"""A candidate whose source does not say how it was found; rankers read the same number (request_time.NO_SEARCH)."""
NO_KEYWORD: Final = -1
"""Stands for a row of the keyword columns where no keyword matched."""


@dataclass(frozen=True)
class Match:
    """How each candidate of a search was found, columns of one length. keyword: its row in the snapshot's keyword columns, or
    NO_KEYWORD. kind: taxonomy.MATCH_TYPES' number, SEMANTIC or NONE. close: a close variant of the keyword, not
    its words. bid_micros: the keyword's, 0 for none of its own. similarity: cosine of query and ad text, nan where unknown."""

    keyword: NDArray[np.int64]
    kind: NDArray[np.int8]
    close: NDArray[np.bool_]
    bid_micros: NDArray[np.int64]
    similarity: NDArray[np.float32]

    @classmethod
    def none(cls, n: int) -> Match:
        """That of n candidates of which nobody says how they were found."""
        return cls(
            np.full(n, NO_KEYWORD, np.int64), np.full(n, NONE, np.int8), np.zeros(n, bool), np.zeros(n, np.int64),
            np.full(n, np.nan, np.float32),
        )  # fmt: skip

    def at(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Match:
        """Those of some candidates."""
        return Match(*(getattr(self, f.name)[which] for f in fields(self)))

    def join(self, other: Match) -> Match:
        """These, then the other's."""
        return Match(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))
