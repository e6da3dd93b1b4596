"""How the candidates of a search were found."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

SEMANTIC: Final = 3
"""A candidate found by meaning, after the numbers of taxonomy.MATCH_TYPES."""


@dataclass(frozen=True)
class Match:
    """How each candidate of a search was found, columns of one length. keyword: its row in the snapshot's keyword columns, -1
    where meaning alone matched. kind: taxonomy.MATCH_TYPES' number, or SEMANTIC. close: a close variant of the keyword, not
    its words. bid_micros: the keyword's, 0 for the campaign's. similarity: cosine of query and ad text, nan where unknown."""

    keyword: NDArray[np.int64]
    kind: NDArray[np.int8]
    close: NDArray[np.bool_]
    bid_micros: NDArray[np.int64]
    similarity: NDArray[np.float32]

    def at(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Match:
        """Those of some candidates."""
        return Match(*(getattr(self, f.name)[which] for f in fields(self)))

    def join(self, other: Match) -> Match:
        """These, then the other's."""
        return Match(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))
