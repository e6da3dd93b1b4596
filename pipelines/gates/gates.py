"""What a challenger must show before it may serve: data, not code paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Intervals = Mapping[str, tuple[float, float]]
"""Low and high ends of 95 % intervals, by metric."""


@dataclass(frozen=True)
class Gate:
    """One condition on a figure. at_most, at_least: bounds. worse_by: most it may trail the champion.

    sure: the bounds refuse only what the figure's 95 % interval lies wholly outside of: few positives make a ratio of counts jump.
    optional: a figure that only traffic can give, or enough rows; without it the table says so and the gate holds.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    worse_by: float | None = None
    better: Literal["lower", "higher"] = "lower"
    sure: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Floor:
    """A condition on every slice of a column with enough positives: the metric's interval must reach down to at_most, and that of
    its difference to the champion's down to worse_by."""

    column: str
    at_most: float
    worse_by: float
    least_positives: int = 100


@dataclass(frozen=True)
class Slice:
    """Normalised entropy of the rows of one slice: the challenger's with its interval, the champion's, and challenger minus
    champion with its paired interval (None without a champion)."""

    column: str
    value: str
    positives: int
    entropy: float
    low: float
    high: float
    champion: float | None = None
    trails_low: float | None = None
    trails_high: float | None = None


@dataclass(frozen=True)
class Verdict:
    """A gate's outcome; champion is None when there is none to compare with, challenger when nothing was measured.

    evidence: something was measured. An optional gate without evidence passes, and says that it had none.
    """

    gate: str
    champion: float | None
    challenger: float | None
    bound: str
    passed: bool
    evidence: bool = True

    @property
    def word(self) -> str:
        """passed, failed, or no evidence."""
        return ("passed" if self.evidence else "no evidence") if self.passed else "failed"

    @property
    def failure(self) -> str:
        """For a refusal: the gate, the value and the bound."""
        return f"{self.gate} {'not measured' if self.challenger is None else f'{self.challenger:.4g}'} must be {self.bound}"


LIVE: Final = (
    Gate("off_policy_value", at_least=0.98, better="higher", sure=True, optional=True),
    Gate("shadow_log_loss_difference", at_most=0.0, sure=True, optional=True),
    Gate("shadow_score_gap", at_most=1e-6, optional=True),
    Gate("feature_skew", at_most=0.001, optional=True),
)
"""off_policy_value: of the challenger's slates over those that were served. shadow_...: against the champion on what was served, and
the mean distance of its scores there from the bundle's own. feature_skew: share of differing cells of the newest report."""
LATENCY: Final = Gate("ms_per_1000_rows", at_most=50.0)
"""Of processor time: the precision stage's share of the usual deadline."""

GATES: Final[dict[str, tuple[Gate, ...]]] = {
    "click": (
        Gate("normalised_entropy", at_most=0.98, worse_by=0.002),
        Gate("roc_auc", at_least=0.6, worse_by=0.005, better="higher"),
        Gate("grouped_auc", at_least=0.55, worse_by=0.01, better="higher"),
        Gate("calibration_ratio", at_least=0.8, at_most=1.25, sure=True),
        Gate("calibration_error", at_most=0.01),
        LATENCY,
        *LIVE,
    ),
    "conversion": (
        Gate("normalised_entropy", at_most=1.02, worse_by=0.01),
        Gate("grouped_auc", at_least=0.4, worse_by=0.05, better="higher", optional=True),
        Gate("calibration_ratio", at_least=0.6, at_most=1.67, sure=True),
        LATENCY,
        LIVE[-1],
    ),
    "language": (Gate("category_accuracy", at_least=0.5), Gate("commercial_auc", at_least=0.4)),
    "encoder": (Gate("recall_at_100", at_least=0.3),),
}
FLOORS: Final[dict[str, tuple[Floor, ...]]] = {
    "click": (Floor("surface", at_most=1.1, worse_by=0.01), Floor("device", at_most=1.1, worse_by=0.01)),
    "conversion": (Floor("surface", at_most=1.2, worse_by=0.05),),
}


def judge(
    head: str,
    challenger: Mapping[str, float],
    champion: Mapping[str, float] | None,
    intervals: Intervals | None = None,
    slices: Sequence[Slice] = (),
) -> list[Verdict]:
    """Every gate's verdict; a figure that is missing or not a number fails its gates, unless they are optional."""
    verdicts = [_verdict(gate, challenger, champion, intervals or {}) for gate in GATES[head]]
    floors = {floor.column: floor for floor in FLOORS.get(head, ())}
    held = [s for s in slices if s.column in floors and s.positives >= floors[s.column].least_positives]
    return [*verdicts, *(_floored(floors[s.column], s) for s in held)]


def _verdict(gate: Gate, challenger: Mapping[str, float], champion: Mapping[str, float] | None, intervals: Intervals) -> Verdict:
    value = challenger.get(gate.metric, float("nan"))
    low, high = intervals.get(gate.metric, (value, value)) if gate.sure else (value, value)
    before = champion.get(gate.metric) if champion else None
    bounds, known = [], value == value
    passed = known or gate.optional
    if gate.at_most is not None:
        bounds.append(f"≤ {gate.at_most:g}")
        passed &= not known or low <= gate.at_most
    if gate.at_least is not None:
        bounds.append(f"≥ {gate.at_least:g}")
        passed &= not known or high >= gate.at_least
    if gate.worse_by is not None and before is not None:
        trails = value - before if gate.better == "lower" else before - value
        bounds.append(f"trails the champion by ≤ {gate.worse_by:g}")
        passed &= not known or trails <= gate.worse_by
    bound = ", ".join(bounds) + (f" (95 % interval {low:.4g} to {high:.4g})" if known and low != high else "")
    return Verdict(gate.metric, before, value if known else None, bound, bool(passed), known)


def _floored(floor: Floor, found: Slice) -> Verdict:
    bounds, passed = [f"≤ {floor.at_most:g} (95 % interval {found.low:.4g} to {found.high:.4g})"], found.low <= floor.at_most
    if found.trails_low is not None:
        bounds.append(f"trails the champion by ≤ {floor.worse_by:g} ({found.trails_low:+.4g} to {found.trails_high:+.4g})")
        passed &= found.trails_low <= floor.worse_by
    gate = f"normalised_entropy of {found.column} {found.value}"
    return Verdict(gate, found.champion, found.entropy, ", ".join(bounds), bool(passed))
