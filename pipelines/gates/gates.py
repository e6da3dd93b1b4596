"""What a challenger must show before it may serve: data, not code paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pipelines.gates.floor import PLACE, Floor, Slice
from pipelines.gates.gate import NO_END, BesideChampion, Ends, Gate, Verdict

Intervals = Mapping[str, Ends]
"""Low and high ends of 95 % intervals, by metric."""

DAYS_LOGGED_SINCE: Final = Gate("days_logged_since", at_most=7.0, optional=True)
"""Days of log, up to the newest, that came after those that it was taught by and judged on: after a week it is judged anew."""
FEATURE_DRIFT: Final = Gate("feature_drift", at_most=0.2, optional=True)
"""Share of the features that the model reads that have moved since its training rows ended (pipelines/monitor/training_drift.py)."""
LIVE: Final = (
    Gate("off_policy_value", meets=(0.98, NO_END), better="higher", optional=True),
    Gate("shadow_log_loss_difference", meets=(-NO_END, 0.0), optional=True),
    Gate("shadow_score_gap", at_most=1e-6, optional=True),
    DAYS_LOGGED_SINCE,
    Gate("feature_skew", at_most=0.001, optional=True),
    FEATURE_DRIFT,
)
"""off_policy_value: of the challenger's slates over those that were served. shadow_...: against the champion on what was served, and
the mean distance of its scores there from the bundle's own. feature_skew: share of differing cells of the newest report."""
LATENCY: Final = Gate("ms_per_1000_rows", at_most=50.0)
"""Of processor time: the precision stage's share of the usual deadline."""
TRAINING_DAYS: Final = Gate("training_days", at_least=1.0)
"""Days from the first to the last row that it learned from: with less than a whole one it has not seen each hour of the day."""
DAYS_BEHIND: Final = Gate("days_behind", at_most=5.0)
"""Days between the last row that it learned from and the end of the dataset's day, less those that the judging rows fill. Two are for
labels to mature; three are as long as a feature may be old (max_age) before serving takes it for unknown."""
CLICKED_SEARCHES: Final = Gate("clicked_searches", at_least=30.0)
"""Clicks on later searches that a text model was measured on: below so many its figures are luck (a share of 0.5 has a standard error of
0.09 at 30)."""
COMMERCIAL_AUC: Final = Gate("commercial_auc", at_least=0.4, worse_by=0.15, better="higher")
"""Of whether a search leads to a click. At 30 clicks the difference of two models that are alike has a standard error of about 0.08."""

OVER_BASELINE: Final = "entropy_over_baseline"
TOLD: Final = "information_told"


def over_baseline(allowed: float) -> Gate:
    """Normalised entropy over that of the logistic baseline, which is trained on the same rows: no model is served that a linear one beats.
    As beside a champion: refused when worse beyond noise, or by more than allowed."""
    return Gate(OVER_BASELINE, at_most=allowed, meets=(-NO_END, 0.0))


def told(most: float, jump: float) -> Gate:
    """1 - normalised entropy: the share of the base rate's information that the model tells. People decide at the moment: what is known
    before tells little of it, and who tells more has read the outcome. jump: the most that one version may tell more than the champion."""
    return Gate(TOLD, at_most=most, jump=jump, better="higher")


GATES: Final[dict[str, tuple[Gate, ...]]] = {
    "click": (
        Gate("normalised_entropy", at_most=0.98, within=(-NO_END, 1.0), worse_by=0.005),
        over_baseline(0.02),
        told(most=0.5, jump=0.15),
        Gate("roc_auc", at_least=0.6, within=(0.5, NO_END), worse_by=0.005, better="higher"),
        Gate("grouped_auc", at_least=0.55, worse_by=0.01, better="higher"),
        Gate("calibration_ratio", at_least=0.8, at_most=1.25, meets=(0.9, 1.1)),
        Gate("calibration_error", at_most=0.01),
        TRAINING_DAYS,
        DAYS_BEHIND,
        LATENCY,
        *LIVE,
    ),
    "conversion": (
        Gate("normalised_entropy", at_most=1.0, worse_by=0.03),
        over_baseline(0.05),
        told(most=0.75, jump=0.25),
        Gate("roc_auc", at_least=0.55, within=(0.5, NO_END), worse_by=0.03, better="higher"),
        Gate("grouped_auc", meets=(0.5, NO_END), better="higher", optional=True),
        Gate("calibration_ratio", at_least=0.6, at_most=1.67, meets=(0.8, 1.25)),
        TRAINING_DAYS,
        DAYS_BEHIND,
        LATENCY,
        *LIVE[-3:],
    ),
    "language": (
        CLICKED_SEARCHES,
        Gate("category_accuracy", at_least=0.5, worse_by=0.1, better="higher"),
        COMMERCIAL_AUC,
    ),
    "encoder": (CLICKED_SEARCHES, Gate("recall_at_100", at_least=0.3, worse_by=0.1, better="higher")),
}
"""conversion: few conversions leave an interval of the entropy that holds 1, and no model would ever pass a bound of its high end. So the
value must not be worse than the base rate, the order must surely be better than chance, and the logistic baseline not better. The AUC by
user rests on the few users who did both: it is no measure of who is better, only of an order that is surely upside down."""
CALIBRATED: Final = "calibration_ratio"
"""The gate that says of a version whether it is calibrated, on rows that neither its weights nor its calibrator saw. Only then it may
enter the auction, whatever else is overridden."""
FLOORS: Final[dict[str, tuple[Floor, ...]]] = {
    "click": (
        Floor("surface", (0.8, 1.25), at_most=1.0, worse_by=0.01),
        Floor("device", (0.8, 1.25), at_most=1.0, worse_by=0.01),
        Floor(PLACE, (0.8, 1.25)),
    ),
    "conversion": (Floor("surface", (0.67, 1.5), at_most=1.0, worse_by=0.05),),
}


def judge(
    head: str,
    challenger: Mapping[str, float],
    champion: Mapping[str, float] | None,
    intervals: Intervals | None = None,
    slices: Sequence[Slice] = (),
    differences: Intervals | None = None,
) -> list[Verdict]:
    """Every gate's verdict; a figure that is missing or not a number fails its gates, unless they are optional. differences: intervals of
    challenger minus champion; a difference without one counts as it is."""
    ends, apart = intervals or {}, differences or {}
    verdicts = []
    for gate in GATES[head]:
        value, before = challenger.get(gate.metric), (champion or {}).get(gate.metric)
        beside = None
        if value is not None and before is not None and before == before:
            beside = BesideChampion(before, value - before, *apart.get(gate.metric, (value - before, value - before)))
        verdicts.append(gate.verdict(value, ends.get(gate.metric), beside))
    floors = {floor.column: floor for floor in FLOORS.get(head, ())}
    held = [s for s in slices if s.column in floors and s.positives >= floors[s.column].least_positives]
    return [*verdicts, *(v for s in held for v in floors[s.column].verdicts(s))]
