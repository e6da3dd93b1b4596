"""What a challenger must show before it may serve: data, not code paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Gate:
    """One condition on a metric of the test rows. at_most, at_least: bounds. worse_by: most it may trail the champion.

    sure: the bounds refuse only what the metric's 95 % interval lies wholly outside of: few positives make a ratio of counts jump.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    worse_by: float | None = None
    better: Literal["lower", "higher"] = "lower"
    sure: bool = False


@dataclass(frozen=True)
class Verdict:
    """A gate's outcome; champion is None when there is none to compare with."""

    gate: str
    champion: float | None
    challenger: float
    bound: str
    passed: bool


GATES: Final[dict[str, tuple[Gate, ...]]] = {
    "click": (
        Gate("normalised_entropy", at_most=0.98, worse_by=0.002),
        Gate("roc_auc", at_least=0.6, worse_by=0.005, better="higher"),
        Gate("grouped_auc", at_least=0.55, worse_by=0.01, better="higher"),
        Gate("calibration_ratio", at_least=0.8, at_most=1.25, sure=True),
        Gate("calibration_error", at_most=0.01),
    ),
    "conversion": (
        Gate("normalised_entropy", at_most=1.02, worse_by=0.01),
        Gate("calibration_ratio", at_least=0.6, at_most=1.67, sure=True),
    ),
    "language": (Gate("category_accuracy", at_least=0.5), Gate("commercial_auc", at_least=0.4)),
    "encoder": (Gate("recall_at_100", at_least=0.3),),
}


def judge(
    head: str,
    challenger: Mapping[str, float],
    champion: Mapping[str, float] | None,
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> list[Verdict]:
    """Every gate's verdict; a metric that is missing or not a number fails its gates. intervals: low and high ends by metric."""
    verdicts = []
    for gate in GATES[head]:
        value = challenger.get(gate.metric, float("nan"))
        low, high = (intervals or {}).get(gate.metric, (value, value)) if gate.sure else (value, value)
        before = champion.get(gate.metric) if champion else None
        bounds, passed = [], value == value
        if gate.at_most is not None:
            bounds.append(f"≤ {gate.at_most:g}")
            passed &= low <= gate.at_most
        if gate.at_least is not None:
            bounds.append(f"≥ {gate.at_least:g}")
            passed &= high >= gate.at_least
        if gate.worse_by is not None and before is not None:
            trails = value - before if gate.better == "lower" else before - value
            bounds.append(f"trails the champion by ≤ {gate.worse_by:g}")
            passed &= trails <= gate.worse_by
        bound = ", ".join(bounds) + (f" (95 % interval {low:.4g} to {high:.4g})" if low != high else "")
        verdicts.append(Verdict(gate.metric, before, value, bound, bool(passed)))
    return verdicts
