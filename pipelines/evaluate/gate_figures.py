"""What the gates read of a contest: a contender's figures with their intervals, and those of two contenders apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipelines.evaluate.contest import Contest, ContestStanding
from pipelines.gates.gate import Ends
from pipelines.gates.gates import OVER_BASELINE, TOLD
from pipelines.statistics.bootstrap import Interval

ENTROPY: Final = "normalised_entropy"


@dataclass(frozen=True)
class GateFigures:
    """values: by metric. ends: of their 95 % intervals, where there are any."""

    values: dict[str, float]
    ends: dict[str, Ends]


def figures(held: Contest, mine: ContestStanding, baseline: ContestStanding) -> GateFigures:
    """A contender's metrics, its entropy over the baseline's, and the share of the base rate's information that it tells."""
    found: dict[str, Interval | None] = {metric: mine.interval(metric) for metric in mine.drawn}
    found[OVER_BASELINE] = held.difference(baseline, mine, ENTROPY)
    entropy = mine.metrics[ENTROPY]
    return GateFigures({**mine.metrics, TOLD: 1 - entropy, OVER_BASELINE: entropy - baseline.metrics[ENTROPY]}, _ends(found))


def differences(held: Contest, first: ContestStanding, second: ContestStanding) -> dict[str, Ends]:
    """Second minus first on the same resamples, by metric."""
    found = _ends({metric: held.difference(first, second, metric) for metric in first.drawn})
    if ENTROPY in found:
        low, high = found[ENTROPY]
        found[TOLD] = (-high, -low)
    return found


def _ends(found: Mapping[str, Interval | None]) -> dict[str, Ends]:
    return {name: (i.low, i.high) for name, i in found.items() if i is not None}
