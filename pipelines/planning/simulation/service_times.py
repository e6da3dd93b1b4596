"""How long a serving process works on a request that has it for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError

POINTS: Final = 101
"""Quantiles that are kept: every hundredth."""


@dataclass(frozen=True)
class ServiceTimes:
    """A distribution by its quantiles at 0, 1, ... 100 %, milliseconds, ascending, of requests one right after the other. rested_ms: how
    much longer the median takes where the process has rested before. refusal_ms: what refusing a request costs."""

    quantiles_ms: tuple[float, ...]
    rested_ms: float = 0.0
    refusal_ms: float = 0.3

    def __post_init__(self) -> None:
        values = np.array(self.quantiles_ms)
        if values.shape != (POINTS,) or not np.isfinite(values).all() or (np.diff(values) < 0).any() or values[0] <= 0:
            raise PipelineError("service times", values.shape, f"{POINTS} ascending milliseconds above 0 are needed.")

    @classmethod
    def of(cls, in_a_row: Sequence[float], rested: Sequence[float] = ()) -> ServiceTimes:
        """From measured seconds of requests that nobody else delayed: one right after the other, and each after a rest. The slowest
        hundredth is left out: what makes so few slow is not the request."""
        ms = np.quantile(np.array(in_a_row) * 1000, np.linspace(0, 0.99, POINTS))
        longer = (float(np.median(rested)) - float(np.median(in_a_row))) * 1000 if len(rested) else 0.0
        return cls(tuple(float(q) for q in np.maximum.accumulate(ms)), max(longer, 0.0))

    def scaled(self, mean_ms: float) -> ServiceTimes:
        """The same shape with another mean."""
        times = mean_ms / self.mean_ms
        return ServiceTimes(tuple(q * times for q in self.quantiles_ms), self.rested_ms * times, self.refusal_ms)

    @property
    def mean_ms(self) -> float:
        q = np.array(self.quantiles_ms)
        return float(((q[1:] + q[:-1]) / 2).mean())

    def drawn(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Seconds of n requests."""
        return np.interp(rng.random(n), np.linspace(0, 1, POINTS), self.quantiles_ms) / 1000


USUAL: Final = ServiceTimes(tuple(float(q) for q in np.linspace(0.85, 1.15, POINTS) * 6.0))
"""Where nothing was measured: times that differ little, as those of requests for one kind of page do."""
