"""Gates are data: each passes at its bound and fails beyond it."""

from __future__ import annotations

import pytest

from feature_repo.services import INPUTS
from pipelines.gates import GATES, Gate, judge
from pipelines.language.train import METRICS as TEXT_METRICS
from pipelines.metrics import METRICS

EVERY = [(head, gate) for head, gates in GATES.items() for gate in gates]


def good(head: str) -> dict[str, float]:
    """Metrics that pass every gate of a head, exactly at a bound where there is one."""
    return {g.metric: g.at_most if g.at_most is not None else float(g.at_least or 0) for g in GATES[head]}


def verdict(head: str, gate: Gate, value: float, champion: dict[str, float] | None = None) -> bool:
    found = {v.gate: v.passed for v in judge(head, {**good(head), gate.metric: value}, champion)}
    assert all(passed for name, passed in found.items() if name != gate.metric), "the other gates are not touched"
    return found[gate.metric]


def test_gates_name_metrics_that_exist() -> None:
    known = {head: {m.name for m in METRICS} for head in INPUTS} | {head: set(names) for head, names in TEXT_METRICS.items()}
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
def test_a_metric_that_is_absent_or_no_number_fails(head: str, gate: Gate) -> None:
    assert not verdict(head, gate, float("nan"))
    metrics = {name: value for name, value in good(head).items() if name != gate.metric}
    assert not {v.gate: v.passed for v in judge(head, metrics, None)}[gate.metric]


def test_gates_name_the_way_their_metric_goes() -> None:
    ways = {m.name: m.better for m in METRICS}
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
