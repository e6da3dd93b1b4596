"""What flows down the stages: row numbers into the snapshot and columns beside them, never an object per candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from serving.snapshot import Snapshot

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """rows: (n,) row numbers of `snapshot`, each at most once; columns: named arrays of length n."""

    snapshot: Snapshot
    rows: Rows
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, which: Mask | Rows) -> Candidates:
        """The candidates that a mask keeps, or that positions name, in that order."""
        return Candidates(self.snapshot, self.rows[which], {k: v[which] for k, v in self.columns.items()})

    def of(self, name: str) -> np.ndarray:
        """A snapshot column at these rows."""
        return np.asarray(self.snapshot[name][self.rows])

    @property
    def campaigns(self) -> Rows:
        """Each candidate's row in the campaign columns."""
        return np.asarray(self.of("campaign"), np.int64)


@dataclass(frozen=True)
class Scores:
    """Calibrated probabilities, same length and order as the candidates. pcvr: given a click; nan where no model says."""

    pctr: NDArray[np.float64]
    pcvr: NDArray[np.float64]
    policy: str
    rung: str
    matrix: NDArray[np.float32] | None = None


"""matrix: the model input the scores were made on, (n, k) float32; None when no model scored."""
