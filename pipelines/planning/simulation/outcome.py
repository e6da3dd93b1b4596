"""What a scenario did to a machine: latencies, the share that got no ads, and how soon it was as before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.simulation.machine import Answers
from pipelines.planning.simulation.scenarios import Scenario

BUCKET: Final = 1.0
"""Seconds that are looked at together."""
CALM: Final = 3
"""Buckets in a row that are as before, to say that a machine has recovered."""
AS_BEFORE: Final = 1.25
"""The p99 that counts as that of before, in times of it: of so few requests it varies."""
SHED_MORE: Final = 0.01
"""The share without ads that counts as that of before, beyond it."""


@dataclass(frozen=True)
class ScenarioOutcome:
    """p50_ms, p99_ms: of requests that got ads, in the disturbance (of the whole where there is none); None where none got any. shed: the
    share that got none. recovery_s: seconds from the end of the disturbance until latency and share were as before; None where they never
    were; 0 where there is no disturbance. by_second: start, p50, p99 and shed share of every second."""

    scenario: str
    about: str
    requests: int
    p50_ms: float | None
    p99_ms: float | None
    shed: float
    recovery_s: float | None
    begins: float
    ends: float
    by_second: tuple[tuple[float, float | None, float | None, float], ...]


def outcome(scenario: Scenario, seen: Answers) -> ScenarioOutcome:
    disturbed = scenario.begins < scenario.lasts
    now = (seen.came >= scenario.begins) & (seen.came < scenario.ends) if disturbed else np.ones(len(seen.came), bool)
    p50, p99, shed = _summary(seen, now)
    seconds = []
    for start in np.arange(0, scenario.lasts, BUCKET):
        inside = (seen.came >= start) & (seen.came < start + BUCKET)
        seconds.append((float(start), *_summary(seen, inside)))
    recovery = _recovery(scenario, seen, seconds) if disturbed else 0.0
    return ScenarioOutcome(
        scenario.name, scenario.about, int(now.sum()), p50, p99, shed, recovery, scenario.begins, scenario.ends, tuple(seconds)
    )  # fmt: skip


def _summary(seen: Answers, which: NDArray[np.bool_]) -> tuple[float | None, float | None, float]:
    """p50 and p99, ms, of those with ads, and the share without."""
    answered = seen.took[which & seen.ads] * 1000
    shed = 1 - float(seen.ads[which].mean()) if which.any() else 0.0
    if not len(answered):
        return None, None, shed
    return float(np.median(answered)), float(np.quantile(answered, 0.99)), shed


def _recovery(scenario: Scenario, seen: Answers, seconds: list[tuple[float, float | None, float | None, float]]) -> float | None:
    _, usual, shed = _summary(seen, seen.came < scenario.begins)
    if usual is None:
        return None
    calm = 0
    for start, _, p99, without in (s for s in seconds if s[0] >= scenario.ends):
        calm = calm + 1 if p99 is not None and p99 <= usual * AS_BEFORE and without <= shed + SHED_MORE else 0
        if calm == CALM:
            return start - (CALM - 1) * BUCKET - scenario.ends
    return None
