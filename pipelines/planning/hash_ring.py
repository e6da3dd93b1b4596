"""Consistent hashing (Karger et al., 1997): which shard holds a key, so that few keys move when shards come or go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import mmh3
import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError

VIRTUAL_NODES: Final = 200
"""Points of a shard on the ring where nothing else is needed."""
MOST_POINTS: Final = 50_000_000
"""Points of a ring beyond which it is not built: 0.8 GB."""
EVEN: Final = 1.10
"""The most that the fullest shard may hold, in times of the mean."""
GROWTH: Final = 1.25
"""By how much the number of virtual nodes is raised at a time."""
AROUND: Final = 2.0**64


def hashed(keys: Iterable[str]) -> NDArray[np.uint64]:
    """uint64[n]: the first half of each key's 128-bit murmur3 (x64 form, seed 0), over its UTF-8 bytes."""
    digests = b"".join(mmh3.mmh3_x64_128_digest(key.encode()) for key in keys)
    return np.frombuffer(digests, "<u8")[::2]


@dataclass(frozen=True)
class HashRing:
    """A ring of shards. A key belongs to the shard of the first point at or after the key's hash.

    shards: their names. points: uint64[shards × virtual nodes], ascending. owners: int32, the place in `shards` of each point's shard.
    """

    shards: tuple[str, ...]
    virtual_nodes: int
    points: NDArray[np.uint64]
    owners: NDArray[np.int32]

    @classmethod
    def of(cls, shards: Sequence[str], virtual_nodes: int = VIRTUAL_NODES) -> HashRing:
        """A ring of these shards. Raises PipelineError for more points than a ring may have."""
        if len(shards) * virtual_nodes > MOST_POINTS:
            raise PipelineError(
                "shards", len(shards), f"With {virtual_nodes} points each a ring has over {MOST_POINTS:,}: use larger shards."
            )
        points = hashed(f"{shard}#{n}" for shard in shards for n in range(virtual_nodes))
        order = np.argsort(points, kind="stable")
        owners = np.repeat(np.arange(len(shards), dtype=np.int32), virtual_nodes)
        return cls(tuple(shards), virtual_nodes, points[order], owners[order])

    def places(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """int32[n]: for each hash of a key the place of its shard in `shards`."""
        at = np.searchsorted(self.points, keys)
        at[at == len(self.points)] = 0
        return self.owners[at]

    def place(self, key: str) -> str:
        """The shard that holds a key."""
        return self.shards[int(self.places(hashed([key]))[0])]

    def shares(self) -> NDArray[np.float64]:
        """float64[shards]: the share of all hashes that each shard holds; together 1."""
        arcs = np.diff(self.points, prepend=self.points[-1:])  # unsigned, so the first arc goes round the end of the ring
        return np.bincount(self.owners, arcs / AROUND, minlength=len(self.shards)).astype(np.float64)

    @property
    def max_over_mean(self) -> float:
        """The share of the fullest shard, in times of the mean shard's."""
        return float(self.shares().max() * len(self.shards))

    def moved(self, other: HashRing, keys: NDArray[np.uint64]) -> float:
        """The share of keys that another ring gives to a shard of another name."""
        mine, theirs = np.array(self.shards)[self.places(keys)], np.array(other.shards)[other.places(keys)]
        return float(np.mean(mine != theirs))


def even_ring(shards: Sequence[str], virtual_nodes: int = VIRTUAL_NODES, most: float = EVEN) -> HashRing:
    """A ring whose fullest shard holds at most `most` times the mean: with so many virtual nodes, or with as many more as that takes."""
    while (ring := HashRing.of(shards, virtual_nodes)).max_over_mean > most:
        virtual_nodes = int(virtual_nodes * GROWTH)
    return ring
