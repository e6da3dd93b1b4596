from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from pipelines.evaluate.paired import compare
from pipelines.metrics import METRICS
from pipelines.metrics.log_loss import log_loss
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.metrics.roc_auc import WeightedAuc

RNG = np.random.default_rng(11)
P = RNG.uniform(0.01, 0.4, 3_000).round(2)
Y = RNG.random(3_000) < P
W = RNG.integers(0, 4, 3_000).astype(float)


def test_weighted_metrics_agree_with_scikit_learn() -> None:
    assert log_loss(Y, P, W) == pytest.approx(sklearn_log_loss(Y, P, sample_weight=W))
    assert WeightedAuc(P)(Y, W) == pytest.approx(roc_auc_score(Y, P, sample_weight=W))


def test_without_weights_they_are_the_platforms_metrics() -> None:
    ours = {"log_loss": log_loss, "normalised_entropy": normalised_entropy, "roc_auc": lambda y, p, w: WeightedAuc(p)(y, w)}
    theirs = {m.name: m.compute for m in METRICS}
    for name, metric in ours.items():
        assert metric(Y, P, np.ones(len(P))) == pytest.approx(theirs[name](Y, P)), name


def test_entropy_of_the_mean_is_one() -> None:
    assert normalised_entropy(Y, np.full(len(Y), Y.mean()), np.ones(len(Y))) == pytest.approx(1.0)


def test_one_class_defines_neither_order_nor_entropy() -> None:
    none = np.zeros(len(P), bool)
    assert np.isnan(WeightedAuc(P)(none, W)) and np.isnan(normalised_entropy(none, P, W))
    assert compare(P, P, none, np.arange(len(P)), 1)[2].difference is None


def test_a_worse_prediction_is_told_from_a_better_one() -> None:
    noisy = np.clip(P * np.exp(RNG.normal(0, 1.5, len(P))), 0.001, 0.9)
    loss, _, auc = compare(noisy, P, Y, np.arange(len(P)) // 2, 1)
    assert loss.high is not None and loss.high < 0 and auc.low is not None and auc.low > 0


def test_equal_predictions_differ_by_nothing() -> None:
    for d in compare(P, P, Y, np.arange(len(P)), 1):
        assert (d.difference, d.low, d.high) == (0, 0, 0)


def test_intervals_cover_the_truth() -> None:
    """The expected difference of two fixed predictions lies within the intervals of about 95 of 100 draws of outcomes."""
    p, q = RNG.uniform(0.05, 0.3, 400), RNG.uniform(0.05, 0.3, 400)
    truth = float((-p * np.log(q) - (1 - p) * np.log1p(-q)).mean() - (-p * np.log(p) - (1 - p) * np.log1p(-p)).mean())
    inside = 0
    for i in range(60):
        d = compare(p, q, RNG.random(400) < p, np.arange(400), i)[0]
        inside += d.low is not None and d.high is not None and d.low <= truth <= d.high
    assert inside >= 51


def test_ties_within_a_group_widen_the_interval() -> None:
    """Ten copies of each row tell no more than one."""
    base = slice(0, 200)
    q = np.clip(P + RNG.normal(0, 0.05, len(P)), 0.001, 0.9)
    once = compare(P[base], q[base], Y[base], np.arange(200), 1)[0]
    copies = [np.repeat(a[base], 10) for a in (P, q, Y)]
    many = compare(*copies, np.repeat(np.arange(200), 10), 1)[0]
    assert None not in (once.high, once.low, many.high, many.low)
    assert many.high - many.low == pytest.approx(once.high - once.low, rel=0.25)  # type: ignore[operator]
