"""Gates are data: each passes at its bound and fails beyond it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feature_repo.services import HEADS
from pipelines.gates.floor import PLACE, Slice
from pipelines.gates.gate import NO_END, BesideChampion, Ends, Gate, Verdict
from pipelines.gates.gates import DAYS_BEHIND, FLOORS, GATES, LATENCY, LIVE, OVER_BASELINE, TOLD, TRAINING_DAYS, judge
from pipelines.metrics import METRICS
from serving.language.language import LANGUAGE
from serving.language.text_encoder import ENCODER

TEXT_METRICS = {
    LANGUAGE: {
        "category_accuracy",
        "commercial_auc",
        "intent_macro_f1",
        "clicked_searches",
        "commercial_positives",
        "commercial_negatives",
    },
    ENCODER: {"recall_at_10", "recall_at_100", "clicked_searches"},
}
"""What training measures of the text models."""
EVERY = [(head, gate) for head, gates in GATES.items() for gate in gates]
COMPARED = [e for e in EVERY if e[1].worse_by is not None]
MEASURED = {OVER_BASELINE, TOLD} | {gate.metric for gate in (LATENCY, TRAINING_DAYS, DAYS_BEHIND, *LIVE)}
"""Figures of gates that are no metric of the package."""


def named(value: object) -> object:
    return value if isinstance(value, str) else value.metric  # type: ignore[attr-defined]


def inside(gate: Gate) -> float:
    """A value that keeps a gate, at one of its bounds or within reach of it."""
    most = min(b for b in (gate.at_most, gate.meets and gate.meets[1], gate.within and gate.within[1] - 1e-3, NO_END) if b is not None)
    least = max(b for b in (gate.at_least, gate.meets and gate.meets[0], gate.within and gate.within[0] + 1e-3, -NO_END) if b is not None)
    return most if most < NO_END else least


def good(head: str) -> dict[str, float]:
    """Figures that pass every gate of a head."""
    return {g.metric: inside(g) for g in GATES[head]}


def found(head: str, gate: Gate, value: float, champion: dict[str, float] | None = None, **more: dict[str, Ends]) -> Verdict:
    verdicts = judge(head, {**good(head), gate.metric: value}, champion, more.get("intervals"), (), more.get("differences"))
    assert all(v.passed for v in verdicts if v.gate != gate.metric), "the other gates are not touched"
    return {v.gate: v for v in verdicts}[gate.metric]


def test_gates_name_metrics_that_exist() -> None:
    known = {head: {m.name for m in METRICS} | MEASURED for head in HEADS} | TEXT_METRICS
    assert all(gate.metric in known[head] for head, gate in EVERY)
    bounded = [g for _, g in EVERY if (g.at_most, g.at_least, g.meets, g.within) != (None, None, None, None)]
    assert len(bounded) == len(EVERY), "the first champion is judged by bounds alone"


@pytest.mark.parametrize(("head", "gate"), EVERY, ids=named)
def test_a_bound_holds_at_its_value_and_not_beyond(head: str, gate: Gate) -> None:
    wide = {"intervals": {gate.metric: (gate.meets[0], gate.meets[1])} if gate.meets else {}}
    if gate.at_most is not None:
        assert found(head, gate, gate.at_most, **wide).passed and not found(head, gate, gate.at_most + 1e-6, **wide).passed
    if gate.at_least is not None:
        assert found(head, gate, gate.at_least, **wide).passed and not found(head, gate, gate.at_least - 1e-6, **wide).passed


@pytest.mark.parametrize(("head", "gate"), [e for e in EVERY if e[1].meets], ids=named)
def test_a_band_is_left_only_by_the_whole_interval(head: str, gate: Gate) -> None:
    low, high = gate.meets or (0.0, 0.0)

    def held(*ends: float) -> bool:
        verdict = found(head, gate, good(head)[gate.metric], intervals={gate.metric: (ends[0], ends[1])})
        assert f"{ends[0]:.4g} to {ends[1]:.4g}" in verdict.bound
        return verdict.passed

    if high < NO_END:
        assert held(high, high + 1) and not held(high + 1e-6, high + 1)
    if low > -NO_END:
        assert held(low - 1, low) and not held(low - 1, low - 1e-6)


@pytest.mark.parametrize(("head", "gate"), [e for e in EVERY if e[1].within], ids=named)
def test_what_must_be_sure_asks_for_the_whole_interval(head: str, gate: Gate) -> None:
    low, high = gate.within or (0.0, 0.0)
    end = high if high < NO_END else low
    value, inwards = good(head)[gate.metric], -1 if high < NO_END else 1
    near, far = end + inwards * 1e-6, value + inwards * 0.1
    for edge, passes in ((near, True), (end, False)):
        ends = {gate.metric: (min(edge, far), max(edge, far))}
        assert found(head, gate, value, intervals=ends).passed == passes


@pytest.mark.parametrize(("head", "gate"), COMPARED, ids=named)
def test_a_challenger_may_trail_the_champion_by_so_much(head: str, gate: Gate) -> None:
    start, bad = good(head)[gate.metric], 1 if gate.better == "lower" else -1
    unsure = {"differences": {gate.metric: (-1.0, 1.0)}}
    for share, passes in ((0.99, True), (1.01, False), (-1.0, True)):
        champion = {**good(head), gate.metric: start - bad * (gate.worse_by or 0) * share}
        assert found(head, gate, start, champion, **unsure).passed == passes
    assert found(head, gate, start, None).passed, "without a champion only the bounds count"


@pytest.mark.parametrize(("head", "gate"), COMPARED, ids=named)
def test_what_is_surely_worse_is_refused_however_little_that_is(head: str, gate: Gate) -> None:
    start, bad = good(head)[gate.metric], 1 if gate.better == "lower" else -1
    little = (gate.worse_by or 0) / 10
    champion = {**good(head), gate.metric: start - bad * little}

    def passed(*trails: float) -> bool:
        ends = sorted(bad * t for t in trails)
        return found(head, gate, start, champion, differences={gate.metric: (ends[0], ends[1])}).passed

    assert passed(-little, 3 * little) and passed(0.0, 2 * little) and not passed(little / 2, 2 * little)
    assert found(head, gate, start, good(head)).passed, "its own copy is not worse"


@pytest.mark.parametrize("head", HEADS)
def test_a_jump_beyond_what_versions_gain_is_taken_for_a_leak(head: str) -> None:
    gate = next(g for g in GATES[head] if g.jump is not None)
    for extra, passes in ((-1e-6, True), (1e-6, False)):
        champion = {gate.metric: good(head)[gate.metric] - (gate.jump or 0) - extra}
        verdict = found(head, gate, good(head)[gate.metric], champion)
        assert verdict.passed == passes and "leads the champion" in verdict.bound


@pytest.mark.parametrize(("head", "gate"), EVERY, ids=named)
def test_a_figure_that_is_absent_or_no_number_fails_unless_only_traffic_could_give_it(head: str, gate: Gate) -> None:
    assert found(head, gate, float("nan")).passed == gate.optional
    metrics = {name: value for name, value in good(head).items() if name != gate.metric}
    verdict = {v.gate: v for v in judge(head, metrics, good(head))}[gate.metric]
    assert (verdict.passed, verdict.evidence, verdict.challenger) == (gate.optional, False, None)
    assert verdict.word == ("no evidence" if gate.optional else "failed")


def test_gates_name_the_way_their_metric_goes() -> None:
    ways = {m.name: m.better for m in METRICS} | {TOLD: "higher"} | {name: "higher" for names in TEXT_METRICS.values() for name in names}
    assert all(gate.better == ways[gate.metric] for _, gate in EVERY if gate.worse_by is not None or gate.jump is not None)


def test_the_ends_of_a_difference_turn_with_the_way_its_metric_goes() -> None:
    found = BesideChampion(0.7, 0.01, -0.01, 0.03)
    assert found.trails("lower") == (0.01, -0.01, 0.03) and found.trails("higher") == (-0.01, -0.03, 0.01)


def test_other_gates_judge_the_value_itself() -> None:
    gate = next(g for g in GATES["click"] if g.metric == "calibration_error")
    assert not found("click", gate, 0.02, intervals={"calibration_error": (0.005, 0.03)}).passed


def test_a_thin_conversion_log_is_judged_by_its_order_where_its_entropy_tells_nothing() -> None:
    """Thirty conversions: the entropy's interval holds 1. The value, the order and the baseline decide."""
    metrics = {**good("conversion"), "normalised_entropy": 0.97, "roc_auc": 0.7}
    ends = {"normalised_entropy": (0.85, 1.1), "roc_auc": (0.58, 0.81), "entropy_over_baseline": (-0.05, 0.03)}

    def failed(**changes: float | Ends) -> list[str]:
        values = {**metrics, **{k: v for k, v in changes.items() if isinstance(v, float)}}
        known = {**ends, **{k: v for k, v in changes.items() if isinstance(v, tuple)}}
        return [v.gate for v in judge("conversion", values, None, known) if not v.passed]

    assert failed() == []
    assert failed(normalised_entropy=1.02) == ["normalised_entropy"], "on these rows the base rate alone did better"
    assert failed(roc_auc=(0.49, 0.9)) == ["roc_auc"], "it may not know anything"
    assert failed(entropy_over_baseline=(0.001, 0.03)) == ["entropy_over_baseline"], "a line is surely better"


SLICE = Slice("surface", "feed", 500, 0.9, 0.85, 0.95, 1.0, 0.9, 1.1, -0.02, 0.02)


def gates_of(slice_: Slice, head: str = "click") -> dict[str, Verdict]:
    verdicts = judge(head, good(head), None, None, [slice_])
    assert all(v.passed for v in verdicts if " of " not in v.gate)
    return {v.gate: v for v in verdicts if " of " in v.gate}


@pytest.mark.parametrize(
    ("slice_", "passed"),
    [
        (SLICE, True),
        (replace(SLICE, entropy=1.05, low=0.99, high=1.1), True),  # it may be as good as the rate of the slice
        (replace(SLICE, entropy=1.05, low=1.01, high=1.1), False),
        (replace(SLICE, over_low=0.011, over_high=0.05), False),  # a line does better here
        (SLICE.beside(0.88, -0.02, 0.05), True),  # it may be worse, it may be better
        (SLICE.beside(0.88, 0.011, 0.05), False),
        (SLICE.beside(0.95, -0.05, -0.02), True),
    ],
)
def test_a_slice_must_hold_its_floor_and_not_surely_trail_the_champion(slice_: Slice, passed: bool) -> None:
    judged = gates_of(slice_)["normalised_entropy of surface feed"]
    assert judged.passed == passed and judged.champion == slice_.champion


@pytest.mark.parametrize(("low", "high", "passed"), [(1.25, 1.9, True), (1.26, 1.9, False), (0.5, 0.8, True), (0.5, 0.79, False)])
def test_every_position_must_keep_its_promises(low: float, high: float, passed: bool) -> None:
    third = replace(SLICE, column=PLACE, value="feed 3", ratio=(low + high) / 2, ratio_low=low, ratio_high=high)
    (judged,) = gates_of(third).values()
    assert (judged.gate, judged.passed) == ("calibration_ratio of place feed 3", passed)


def test_slices_with_few_positives_or_without_a_floor_are_not_judged() -> None:
    few = FLOORS["click"][0].least_positives - 1
    for found in (replace(SLICE, positives=few, low=2.0), replace(SLICE, column="region", low=2.0)):
        assert gates_of(found) == {}


def test_a_shadow_that_may_be_better_passes_and_one_that_is_surely_worse_does_not() -> None:
    gate = next(g for g in LIVE if g.metric == "shadow_log_loss_difference")

    def passed(low: float, high: float) -> bool:
        return found("click", gate, (low + high) / 2, intervals={gate.metric: (low, high)}).passed

    assert passed(-0.02, -0.01) and passed(-0.01, 0.03) and not passed(0.001, 0.03)
