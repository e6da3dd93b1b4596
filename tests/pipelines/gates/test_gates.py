"""Gates are data: each passes at its bound and fails beyond it."""

from __future__ import annotations

import pytest

from feature_repo.services import INPUTS
from pipelines.gates.gates import FLOORS, GATES, LATENCY, LIVE, Gate, Slice, judge
from pipelines.metrics import METRICS
from serving.language.language import LANGUAGE
from serving.language.text_encoder import ENCODER

TEXT_METRICS = {
    LANGUAGE: {"category_accuracy", "commercial_auc", "intent_macro_f1"},
    ENCODER: {"recall_at_10", "recall_at_100"},
}
"""What training measures of the text models."""
EVERY = [(head, gate) for head, gates in GATES.items() for gate in gates]


def good(head: str) -> dict[str, float]:
    """Figures that pass every gate of a head, exactly at a bound where there is one."""
    return {g.metric: g.at_most if g.at_most is not None else float(g.at_least or 0) for g in GATES[head]}


def verdict(head: str, gate: Gate, value: float, champion: dict[str, float] | None = None) -> bool:
    found = {v.gate: v.passed for v in judge(head, {**good(head), gate.metric: value}, champion)}
    assert all(passed for name, passed in found.items() if name != gate.metric), "the other gates are not touched"
    return found[gate.metric]


def test_gates_name_metrics_that_exist() -> None:
    live = {gate.metric for gate in (LATENCY, *LIVE)}
    known = {head: {m.name for m in METRICS} | live for head in INPUTS} | TEXT_METRICS
    assert all(gate.metric in known[head] for head, gate in EVERY)
    assert all(gate.at_most is not None or gate.at_least is not None for _, gate in EVERY), "the first champion is judged by bounds alone"


@pytest.mark.parametrize(("head", "gate"), EVERY, ids=lambda x: x if isinstance(x, str) else x.metric)
def test_a_bound_holds_at_its_value_and_not_beyond(head: str, gate: Gate) -> None:
    if gate.at_most is not None:
        assert verdict(head, gate, gate.at_most) and not verdict(head, gate, gate.at_most + 1e-6)
    if gate.at_least is not None:
        assert verdict(head, gate, gate.at_least) and not verdict(head, gate, gate.at_least - 1e-6)


@pytest.mark.parametrize(
    ("head", "gate"), [e for e in EVERY if e[1].worse_by is not None], ids=lambda x: x if isinstance(x, str) else x.metric
)
def test_a_challenger_may_trail_the_champion_by_so_much(head: str, gate: Gate) -> None:
    start = good(head)[gate.metric]
    towards_bad = 1 if gate.better == "lower" else -1
    champion = dict(good(head))
    champion[gate.metric] = start - towards_bad * (gate.worse_by or 0) * 0.99
    assert verdict(head, gate, start, champion)
    champion[gate.metric] = start - towards_bad * (gate.worse_by or 0) * 1.01
    assert not verdict(head, gate, start, champion)
    assert verdict(head, gate, start, None), "without a champion only the bounds count"


@pytest.mark.parametrize(("head", "gate"), EVERY, ids=lambda x: x if isinstance(x, str) else x.metric)
def test_a_figure_that_is_absent_or_no_number_fails_unless_only_traffic_could_give_it(head: str, gate: Gate) -> None:
    assert verdict(head, gate, float("nan")) == gate.optional
    metrics = {name: value for name, value in good(head).items() if name != gate.metric}
    found = {v.gate: v for v in judge(head, metrics, None)}[gate.metric]
    assert (found.passed, found.evidence, found.challenger) == (gate.optional, False, None)
    assert found.word == ("no evidence" if gate.optional else "failed")


def test_gates_name_the_way_their_metric_goes() -> None:
    ways = {m.name: m.better for m in METRICS} | {gate.metric: gate.better for gate in (LATENCY, *LIVE)}
    assert all(gate.better == ways[gate.metric] for _, gate in EVERY if gate.worse_by is not None)


def test_a_sure_gate_refuses_what_its_interval_lies_wholly_outside_of() -> None:
    metrics = {**good("click"), "calibration_ratio": 1.4}

    def held(low: float, high: float) -> bool:
        found = {v.gate: v for v in judge("click", metrics, None, {"calibration_ratio": (low, high)})}["calibration_ratio"]
        assert f"{low:.4g} to {high:.4g}" in found.bound
        return found.passed

    assert held(1.2, 1.6) and not held(1.26, 1.6) and not held(0.5, 0.79)


def test_other_gates_judge_the_value_itself() -> None:
    metrics = {**good("click"), "calibration_error": 0.02}
    assert not {v.gate: v for v in judge("click", metrics, None, {"calibration_error": (0.005, 0.03)})}["calibration_error"].passed


def sliced(low: float, trails: tuple[float, float] | None, positives: int = 500, column: str = "surface") -> Slice:
    before = None if trails is None else 0.9
    return Slice(column, "feed", positives, low + 0.05, low, low + 0.1, before, *(trails or (None, None)))


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        (sliced(0.8, None), True),
        (sliced(1.05, None), True),  # at worst it is about as bad as the rate: its interval reaches below the floor
        (sliced(1.11, None), False),
        (sliced(0.8, (-0.02, 0.05)), True),  # it may be worse, it may be better
        (sliced(0.8, (0.011, 0.05)), False),
        (sliced(0.8, (-0.05, -0.02)), True),
    ],
)
def test_a_slice_must_hold_its_floor_and_not_surely_trail_the_champion(found: Slice, passed: bool) -> None:
    verdicts = {v.gate: v for v in judge("click", good("click"), None, None, [found])}
    judged = verdicts["normalised_entropy of surface feed"]
    assert judged.passed == passed and judged.champion == found.champion
    assert all(v.passed for name, v in verdicts.items() if name != judged.gate)


def test_slices_with_few_positives_or_without_a_floor_are_not_judged() -> None:
    few = FLOORS["click"][0].least_positives - 1
    for found in (sliced(2.0, None, positives=few), sliced(2.0, None, column="region")):
        assert all(v.passed for v in judge("click", good("click"), None, None, [found]))


def test_a_shadow_that_may_be_better_passes_and_one_that_is_surely_worse_does_not() -> None:
    def passed(low: float, high: float) -> bool:
        ends = {"shadow_log_loss_difference": (low, high)}
        found = {v.gate: v for v in judge("click", {**good("click"), "shadow_log_loss_difference": (low + high) / 2}, None, ends)}
        return found["shadow_log_loss_difference"].passed

    assert passed(-0.02, -0.01) and passed(-0.01, 0.03) and not passed(0.001, 0.03)
