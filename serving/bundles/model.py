"""What a bundle's weights can do, however they were learned."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Model(Protocol):
    """Weights ready to score. Thread-safe: nothing changes after load.

    `raw` is the (n, k) float32 matrix with identity codes as serving builds it, `encoded` the same with the evidence of each
    identity in its place (encoder.encode).
    """

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds as learned from the sampled rows, at the first position, (n, 1)."""
        ...

    def contributions(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        """Each column's share of the log-odds, (n, k + 1); the last is what no column explains. Rows add up to it."""
        ...
