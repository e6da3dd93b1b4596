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
from serving.stores.lane import Lanes

PRIMARY: Final = "champion"
WEIGHT: Final = 0.2
"""Weight of the newest call in a tier's pace, which is an exponentially weighted mean."""
FORGET: Final = 0.95
"""When a tier is not asked for want of time, its pace is multiplied by this, so that a tier which was slow once is tried again after some
requests."""
RESERVE: Final = 0.25
"""Share of the remaining time that a call of the champion must leave to the tiers below it."""
OVERRUN: Final = 2.0
"""A call that did not come back in time is taken to last this many times as long as it was waited for, until it ends and its true time is
known."""
LEAST_ROWS: Final = 64
"""A call of fewer rows takes about as long as one of these."""


class Tiers:
    """calls: by tier (the alias) and outcome, `scored`, `late`, `busy` or `failed`; rows: scored, by tier.

    at_once: calls of the champion that may run at the same time; who comes then is `busy` and the next tier answers. A call is
    `late` when the time left is less than its rows take at the pace of its bundle, an exponentially weighted mean of µs a row. A
    call of the champion has a thread of its own, and is late as well when it has not come back in time: the request goes on without
    it, and it keeps its place among those at once until it ends.
    """

    def __init__(self, at_once: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._lanes: Lanes[NDArray[np.float64]] = Lanes(at_once, PRIMARY)
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
        left = (until - self._clock()) * (1 - RESERVE if tier == PRIMARY else 1)
        outcome, rows = "failed", 0
        try:
            if self.pace(bundle) * max(len(matrix), LEAST_ROWS) / 1e6 > left:
                self._pace[bundle.name] = self.pace(bundle) * FORGET
                raise Late(f"{tier} {bundle.name}", f"{left * 1000:.1f} ms left", f"{len(matrix)} rows take longer.")
            p = self._of_primary(bundle, matrix, left) if tier == PRIMARY else self._run(bundle, matrix)
            outcome, rows = "scored", len(matrix)
            return p
        except Late:
            outcome = "late"
            raise
        except Busy:
            outcome = "busy"
            raise
        finally:
            self._count(tier, outcome, rows)

    def _of_primary(self, bundle: Bundle, matrix: NDArray[np.float32], left: float) -> NDArray[np.float64]:
        """In a thread of its own, `left` seconds at most."""
        call = self._lanes.hand_over(lambda: self._run(bundle, matrix))
        if call is None:
            raise Busy(f"{PRIMARY} {bundle.name}", "all its calls", "Raise primary_at_once, or add workers.")
        if not call.ends_within(left):
            took = OVERRUN * left * 1e6 / max(len(matrix), LEAST_ROWS)
            self._pace[bundle.name] = max(self.pace(bundle), took)
            raise Late(f"{PRIMARY} {bundle.name}", f"{left * 1000:.1f} ms", f"{len(matrix)} rows took longer.")
        return call.result()

    def _run(self, bundle: Bundle, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        started = self._clock()
        p = bundle.predict(matrix)
        if not np.isfinite(p).all():
            raise ServingError("scores", bundle.name, f"They are not finite; roll back: `placard rollback {bundle.manifest.head}`.")
        took = (self._clock() - started) * 1e6 / max(len(matrix), LEAST_ROWS)
        self._pace[bundle.name] = took if bundle.name not in self._pace else self.pace(bundle) + WEIGHT * (took - self.pace(bundle))
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
"""The allowance of callers that score outside of a request's deadline, such as benches and tests: it never runs out."""
