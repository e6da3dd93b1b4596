"""Which simulated markets a figure may be reported on, and what a figure is over several of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy import stats

from pipelines.errors import PipelineError
from pipelines.reporting.figure import Figure

TUNED_ON: Final = (3, 7, 11, 31, *range(101, 110))
"""Seeds of the markets on which thresholds, sizes and priors of this code base were chosen. Nothing is reported of them."""
REPORTED_ON: Final = "201,202,203"
"""Seeds that nobody tunes on: what benches report of when nothing else is said."""
LEVEL: Final = 0.95


def reportable(seeds: str) -> list[int]:
    """The seeds as numbers. Raises PipelineError naming those that something was tuned on."""
    numbers = [int(seed) for seed in seeds.split(",")]
    if known := [seed for seed in numbers if seed in TUNED_ON]:
        fix = f"Thresholds were chosen on the markets {', '.join(map(str, TUNED_ON))}: report on others, {REPORTED_ON} for example."
        raise PipelineError("seed", ", ".join(map(str, known)), fix)
    return numbers


def seeds_setup(seeds: Sequence[int]) -> dict[str, Any]:
    """The seeds as a report names them."""
    return {"tuning_seeds": list(TUNED_ON), "reporting_seeds": list(seeds)}


def over_seeds(by_seed: Mapping[int, Sequence[Figure]]) -> list[Figure]:
    """Every market's figures, and with two markets or more the mean of each that all markets have, with its 95 % interval over markets
    (Student's t); ends of a single market's interval, `_low` and `_high`, have no mean. The target of a mean is that of its figures: it
    holds where the mean is on the right side of `≥ x` or `≤ x`; any other target holds where it holds in every market."""
    out = [
        Figure(f"seed_{seed}.{f.name}", f.value, f.unit, f.target, f.holds) for seed, figures in by_seed.items() for f in figures
    ]  # fmt: skip
    if len(by_seed) < 2:
        return out
    named = [{f.name: f for f in figures} for figures in by_seed.values()]
    means = []
    for name, first in named[0].items():
        values = [figures[name].value for figures in named if name in figures]
        known = [v for v in values if v is not None]
        if len(known) < len(named) or name.endswith(("_low", "_high")):
            continue
        mean = float(np.mean(known))
        half = float(stats.t.ppf((1 + LEVEL) / 2, len(known) - 1) * np.std(known, ddof=1) / np.sqrt(len(known)))
        holds = _holds(first.target, mean, [figures[name].holds for figures in named])
        means += [
            Figure(name, mean, first.unit, first.target, holds),
            Figure(f"{name}.low", mean - half, first.unit),
            Figure(f"{name}.high", mean + half, first.unit),
        ]
    return [*means, *out]


def _holds(target: str | None, mean: float, each: Sequence[bool | None]) -> bool | None:
    if target is None:
        return None
    sign, _, bound = target.partition(" ")
    if sign in ("≥", "≤"):
        return mean >= float(bound) if sign == "≥" else mean <= float(bound)
    told = [h for h in each if h is not None]
    return all(told) if told else None
