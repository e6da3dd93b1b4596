"""What a peer is: a library that a user would pick instead, with its usual settings, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Given:
    """Rows as a peer gets them. numbers: (n, k) float32. identities: (n, c) int64, whole numbers from 0; −1 is one that was never
    shown before the test. offset: (n,) log-odds of each row's position, for libraries that start from a margin; position: (n,), for
    those that only know columns. label: (n,)."""

    numbers: NDArray[np.float32]
    identities: NDArray[np.int64]
    position: NDArray[np.float32]
    offset: NDArray[np.float64]
    label: NDArray[np.bool_]

    def part(self, rows: slice) -> Given:
        return Given(self.numbers[rows], self.identities[rows], self.position[rows], self.offset[rows], self.label[rows])

    @property
    def base(self) -> float:
        """Log-odds of the mean label."""
        rate = float(np.clip(self.label.mean(), 1e-6, 1 - 1e-6))
        return float(np.log(rate / (1 - rate)))


class Fitted(Protocol):
    """A trained peer. size: bytes of its weights as the library writes or holds them."""

    @property
    def size(self) -> int: ...

    def logits(self, given: Given, threads: int) -> NDArray[np.float64]:
        """Log-odds at the rows' positions, (n,), not corrected for down-sampling."""
        ...


class Peer(Protocol):
    """name: of its figures. title: as people know it. needs: its module. seed and threads are its own."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def needs(self) -> str: ...

    def fit(self, early: Given, late: Given, both: Given) -> Fitted:
        """Trains on `early` until `late` gets no better, then as long on both, as our families do."""
        ...
