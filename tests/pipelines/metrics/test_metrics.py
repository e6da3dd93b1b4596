"""Each metric against scikit-learn or a case by hand; a metric without a case fails the first test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

import pipelines.metrics
from pipelines.evaluate.contest import OURS, contest
from pipelines.metrics import METRICS, Metric
from pipelines.metrics.calibration_error import calibration_error
from pipelines.metrics.calibration_ratio import calibration_ratio
from pipelines.metrics.grouped_auc import grouped_auc
from pipelines.metrics.log_loss import log_loss
from pipelines.metrics.ndcg import ndcg
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.metrics.roc_auc import roc_auc
from tests.examples import examples


def rows(seed: int, n: int = 3_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities with ties, and users of one to many rows."""
    rng = np.random.default_rng(seed)
    p = np.round(1 / (1 + np.exp(-rng.normal(-2, 1.5, n))), 2).clip(0.005, 0.995)
    return rng.random(n) < p, p, np.array([f"u{i}" for i in rng.zipf(1.6, n) % 300], dtype=object)


def by_group(one: Callable[[np.ndarray, np.ndarray], float], weight: Callable[[np.ndarray], float], label, p, group) -> float:  # type: ignore[no-untyped-def]
    """The weighted mean of a metric over groups with both outcomes, one group after the other."""
    found = [
        (one(label[group == g], p[group == g]), weight(label[group == g])) for g in np.unique(group) if 0 < label[group == g].mean() < 1
    ]
    values, weights = zip(*found, strict=True)
    return float(np.average(values, weights=weights))


def slow_ndcg(label: np.ndarray, p: np.ndarray, k: int = 4) -> float:
    order = np.argsort(-p, kind="stable")
    gains = label[order].astype(float) / np.log2(np.arange(len(p)) + 2)
    best = np.sort(label.astype(float))[::-1] / np.log2(np.arange(len(p)) + 2)
    return float(gains[:k].sum() / best[:k].sum())


def slow_ndcg_mean(label, p, group) -> float:  # type: ignore[no-untyped-def]
    return float(np.mean([slow_ndcg(label[group == g], p[group == g]) for g in np.unique(group) if label[group == g].any()]))


ORACLES: dict[str, Callable[..., float]] = {
    "log_loss": lambda y, p, g: sk.log_loss(y, p),
    "normalised_entropy": lambda y, p, g: sk.log_loss(y, p) / sk.log_loss(y, np.full(len(y), y.mean())),
    "roc_auc": lambda y, p, g: sk.roc_auc_score(y, p),
    "grouped_auc": lambda y, p, g: by_group(sk.roc_auc_score, len, y, p, g),
    "calibration_error": lambda y, p, g: float(
        sum(abs(y[i].mean() - p[i].mean()) * len(i) for i in np.array_split(np.argsort(p, kind="stable"), 10)) / len(p)
    ),
    "calibration_ratio": lambda y, p, g: float(p.sum() / y.sum()),
    "ndcg": slow_ndcg_mean,
}


def test_every_metric_has_a_case_and_a_file_of_its_own() -> None:
    names = {m.name for m in METRICS}
    assert names == ORACLES.keys(), "write its oracle here"
    files = {p.stem for p in Path(pipelines.metrics.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == names


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_its_oracle(metric: Metric, seed: int) -> None:
    label, p, group = rows(seed)
    assert metric(label, p, pd.DataFrame({"user_id": group})) == pytest.approx(ORACLES[metric.name](label, p, group), rel=1e-9)


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_better_predictions_are_better(metric: Metric) -> None:
    label, p, group = rows(9, 8_000)
    frame = pd.DataFrame({"user_id": group})
    worse = np.random.default_rng(1).permutation(p) * 1.5
    good, bad = metric(label, p, frame), metric(label, np.clip(worse, 0.001, 0.999), frame)
    if metric.better == "one":
        assert abs(good - 1) < abs(bad - 1)
    else:
        assert good < bad if metric.better == "lower" else good > bad


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.001, 0.999), st.integers(0, 5)), min_size=2, max_size=60), st.floats(0.2, 5.0))
def test_ranking_metrics_see_order_alone(drawn: list[tuple[bool, float, int]], power: float) -> None:
    label, p, group = (np.array(column) for column in zip(*drawn, strict=True))
    squeezed = np.round(p, 3) ** power  # rounded: rising stays rising
    for value, other in (
        (roc_auc(label, np.round(p, 3)), roc_auc(label, squeezed)),
        (grouped_auc(label, np.round(p, 3), group), grouped_auc(label, squeezed, group)),
        (ndcg(label, np.round(p, 3), group), ndcg(label, squeezed, group)),
    ):
        assert value == pytest.approx(other, nan_ok=True)
        assert np.isnan(value) or 0 <= value <= 1


def test_the_base_rate_has_entropy_one_and_a_perfect_model_none() -> None:
    label = np.array([True, False, False, False] * 50)
    assert normalised_entropy(label, np.full(200, 0.25)) == pytest.approx(1.0)
    assert normalised_entropy(label, label.astype(float)) == pytest.approx(0.0, abs=1e-9)


def test_certainty_that_is_wrong_costs_much_but_not_infinity() -> None:
    assert log_loss(np.array([True]), np.array([0.0])) == pytest.approx(-np.log(1e-12))


def test_true_probabilities_are_calibrated() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.01, 0.3, 200_000)
    label = rng.random(200_000) < p
    assert calibration_error(label, p) < 0.004
    assert calibration_ratio(label, p) == pytest.approx(1, abs=0.02)
    assert calibration_error(label, np.minimum(p * 2, 1)) > 0.1


def test_what_has_one_kind_of_outcome_has_no_answer() -> None:
    none, p, group = np.zeros(5, bool), np.linspace(0.1, 0.5, 5), np.array(list("aabbb"), dtype=object)
    assert np.isnan(
        [normalised_entropy(none, p), roc_auc(none, p), grouped_auc(none, p, group), calibration_ratio(none, p), ndcg(none, p, group)]
    ).all()
    alone = np.array([True, False, True])
    assert np.isnan(grouped_auc(alone, p[:3], np.array(["a", "b", "c"], dtype=object))), "one row a group: nothing to order"


def test_a_ranking_by_hand() -> None:
    """One request: the click stands third of four, so its gain is 1 / log2(4) over the best, 1."""
    assert ndcg(np.array([False, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]), np.zeros(4)) == pytest.approx(0.5)
    assert grouped_auc(np.array([True, False, True, False]), np.array([0.9, 0.1, 0.5, 0.5]), np.array([0, 0, 1, 1])) == pytest.approx(0.75)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """The AUC of a known law, over forty logs: a 95 % interval misses it rarely."""
    rng = np.random.default_rng(11)
    big = 1 / (1 + np.exp(-rng.normal(-1, 1, 400_000)))
    truth = roc_auc(rng.random(400_000) < big, big)
    held = 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        p = 1 / (1 + np.exp(-draw.normal(-1, 1, 800)))
        held_here = contest({"law": (OURS, p)}, draw.random(800) < p, pd.DataFrame({"user_id": [""] * 800}), seed)
        interval = held_here.standings[0].interval("roc_auc")
        held += interval is not None and interval.low <= truth <= interval.high
    assert held >= 34
