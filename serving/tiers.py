"""The tiers of rankers in one process: how fast each scores, how many calls of the champion run at once, what became of every call."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.bundles import Bundle
from serving.errors import Busy, Late, ServingError

PRIMARY: Final = "champion"
WEIGHT: Final = 0.2
"""Of the newest call in a tier's pace."""
FORGET: Final = 0.95
"""What a tier that was not asked for want of time keeps of its pace: one that was slow once is asked again."""
LEAST_ROWS: Final = 64
"""A call of fewer rows takes about as long as one of these."""


class Tiers:
    """calls: by tier (the alias) and outcome, `scored`, `late`, `busy` or `failed`; rows: scored, by tier.

    at_once: calls of the champion that may run at the same time; who comes then is `busy` and the next tier answers. A call is
    `late` when the time left is less than its rows take at the pace of its bundle, an exponentially weighted mean of µs a row.
    """

    def __init__(self, at_once: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._free, self._clock = threading.BoundedSemaphore(at_once), clock
        self._counting = threading.Lock()
        self._pace: dict[str, float] = {}
        self.calls: Counter[tuple[str, str]] = Counter()
        self.rows: Counter[str] = Counter()

    def until(self, moment: float) -> Allowance:
        """What one request may use; moment: of the clock."""
        return Allowance(self, moment)

    def pace(self, bundle: Bundle) -> float:
        """Microseconds a row; 0 before the first call."""
        return self._pace.get(bundle.name, 0.0)

    def score(self, tier: str, bundle: Bundle, matrix: NDArray[np.float32], until: float) -> NDArray[np.float64]:
        """Calibrated probabilities of the rows, (n,). Raises Late, Busy, ServingError for scores that are not finite, and what
        the bundle raises."""
        rows = max(len(matrix), LEAST_ROWS)
        started = self._clock()
        if self.pace(bundle) * rows / 1e6 > until - started:
            self._pace[bundle.name] = self.pace(bundle) * FORGET
            self._count(tier, "late")
            raise Late(f"{tier} {bundle.name}", f"{(until - started) * 1000:.1f} ms left", f"{len(matrix)} rows take longer.")
        if tier == PRIMARY and not self._free.acquire(blocking=False):
            self._count(tier, "busy")
            raise Busy(f"{tier} {bundle.name}", "all its calls", "Raise primary_at_once, or add workers.")
        try:
            p = bundle.predict(matrix)
            if not np.isfinite(p).all():
                raise ServingError("scores", bundle.name, f"They are not finite; roll back: `placard rollback {bundle.manifest.head}`.")
        except Exception:
            self._count(tier, "failed")
            raise
        finally:
            if tier == PRIMARY:
                self._free.release()
        took = (self._clock() - started) * 1e6 / rows
        self._pace[bundle.name] = took if bundle.name not in self._pace else self.pace(bundle) + WEIGHT * (took - self.pace(bundle))
        self._count(tier, "scored", len(matrix))
        return p

    def _count(self, tier: str, outcome: str, rows: int = 0) -> None:
        with self._counting:  # called by many threads at once
            self.calls[tier, outcome] += 1
            self.rows[tier] += rows


class Allowance:
    """One request's right to score until its share of the deadline is gone."""

    def __init__(self, tiers: Tiers, until: float) -> None:
        self._tiers, self._until = tiers, until

    def score(self, tier: str, bundle: Bundle, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """See Tiers.score."""
        return self._tiers.score(tier, bundle, matrix, self._until)


UNLIMITED: Final = Tiers(1 << 20).until(math.inf)
"""For who scores outside a request's deadline."""
