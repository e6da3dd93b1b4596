"""What `bench rankers` concludes: the gap that is closed, peers, calibration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from pipelines.bench.rankers.data import Task
from pipelines.bench.rankers.figures import as_text, headlines, whole
from pipelines.bench.rankers.page import render
from pipelines.bench.rankers.trial import Cost, Result
from pipelines.evaluate.contest import BASE_RATE, BOUND, OURS, PEER, TRUTH, contest
from pipelines.metrics import METRICS
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.metrics.roc_auc import WeightedAuc
from pipelines.statistics.bootstrap import groups_drawn


@pytest.fixture(scope="module")
def held(known: Any) -> Callable[..., Result]:
    """A result of contenders by their probabilities; the base rate and the truth stand beside them."""

    def hold(truth: bool = True, **contenders: tuple[str, np.ndarray]) -> Result:
        test = known.dataset.part("test")
        label = known.dataset.label[test]
        scores = {BASE_RATE: (BOUND, np.full(len(label), label.mean()))}
        scores |= {TRUTH: (BOUND, known.test_truth)} if truth else {}
        found = contest({**scores, **contenders}, label, known.dataset.rows[test].reset_index(drop=True), 7)
        costs = {name: Cost(10.0, 20.0, 3.0, 4096) for name in contenders}
        return Result(Task("", "a known law", known.dataset, known.test_truth), found, costs, {}, {})

    return hold


def noisy(p: np.ndarray, scale: float, seed: int = 1) -> np.ndarray:
    return expit(logit(p) + np.random.default_rng(seed).normal(scale=scale, size=len(p)))


def figure(result: Result, name: str) -> Any:
    return {f.name: f for f in headlines(result)}[name]


def test_the_truth_closes_the_whole_gap_and_the_base_rate_none(held: Callable[..., Result], known: Any) -> None:
    t = known.test_truth
    half = (t + t.mean()) / 2
    found = held(half=(OURS, half)).contest
    closed = {s.name: found.gap_closed(s) for s in found.standings}
    assert closed[TRUTH].value == closed[TRUTH].low == closed[TRUTH].high == 1.0
    assert closed[BASE_RATE].value == pytest.approx(0.0, abs=1e-12)
    assert 0.4 < closed["half"].low < closed["half"].value < closed["half"].high < 1.0
    assert figure(held(good=(OURS, t)), "ne_gap_closed").holds is True
    assert figure(held(bad=(OURS, noisy(t, 0.8))), "ne_gap_closed").holds is False
    assert "ne_gap_closed" not in {f.name for f in headlines(held(truth=False, good=(OURS, t)))}, "a real log has no truth"


def test_metrics_are_those_of_the_package(held: Callable[..., Result], known: Any) -> None:
    test = known.dataset.part("test")
    p = noisy(known.test_truth, 0.3)
    found = held(one=(OURS, p)).contest.of("one")
    rows = known.dataset.rows[test].reset_index(drop=True)
    assert found.metrics == {m.name: m(known.dataset.label[test], p, rows) for m in METRICS}
    for metric in ("log_loss", "normalised_entropy", "roc_auc", "grouped_auc", "ndcg"):
        interval = found.interval(metric)
        assert interval.low < interval.value < interval.high, metric


def test_a_resample_is_the_metric_on_the_drawn_users(held: Callable[..., Result], known: Any) -> None:
    test = known.dataset.part("test")
    label, rows = known.dataset.label[test], known.dataset.rows[test].reset_index(drop=True)
    p = noisy(known.test_truth, 0.3)
    users, group = np.unique(rows["user_id"].to_numpy(str), return_inverse=True)
    times = next(groups_drawn(np.arange(len(users)), 7))
    weights = times[group]
    found = held(one=(OURS, p)).contest.of("one").drawn
    assert found["normalised_entropy"][0] == pytest.approx(normalised_entropy(label, p, weights))
    assert found["roc_auc"][0] == pytest.approx(WeightedAuc(p)(label, weights))
    again = np.repeat(np.arange(len(rows)), weights.astype(int))  # a user drawn twice is two users
    copy = np.concatenate([np.arange(int(w)) for w in weights])
    twice = pd.DataFrame({"user_id": [f"{u}-{c}" for u, c in zip(rows["user_id"].to_numpy()[again], copy, strict=True)]})
    for m in METRICS:
        if m.group:
            assert found[m.name][0] == pytest.approx(m(label[again], p[again], twice)), m.name


@pytest.mark.parametrize("metric", ["ne", "grouped_auc"])
def test_a_peer_that_is_better_by_construction_is_admitted(held: Callable[..., Result], known: Any, metric: str) -> None:
    t, name = known.test_truth, f"best_peer_{metric}_delta"
    lost = figure(held(mine=(OURS, noisy(t, 0.8)), theirs=(PEER, t)), name)
    won = figure(held(mine=(OURS, t), theirs=(PEER, noisy(t, 0.8))), name)
    assert lost.holds is False and won.holds is True
    assert (lost.value < 0 < won.value) if metric == "ne" else (won.value < 0 < lost.value)
    alike = held(mine=(OURS, noisy(t, 0.3)), theirs=(PEER, noisy(t, 0.3, seed=2)))
    assert figure(alike, name).holds is True, "luck is no defeat"
    ends = [figure(alike, f"{name}_{end}").value for end in ("low", "high")]
    assert ends[0] < 0 < ends[1]


def test_any_peer_counts_not_only_the_best_one(held: Callable[..., Result], known: Any) -> None:
    """The second may be ahead surely where the first is so by luck: both are looked at."""
    t = known.test_truth
    result = held(mine=(OURS, noisy(t, 0.8)), first=(PEER, t), second=(PEER, noisy(t, 0.2)))
    assert result.contest.best(PEER).name == "first" and figure(result, "best_peer_ne_delta").holds is False
    none = figure(held(mine=(OURS, t)), "best_peer_ne_delta")
    assert none.value is None and none.holds is None


def test_our_best_by_entropy_is_compared_by_every_metric(held: Callable[..., Result], known: Any) -> None:
    """Another of ours that orders within users better does not stand in for it."""
    t = known.test_truth
    rows = known.dataset.rows[known.dataset.part("test")]
    users = pd.Categorical(rows["user_id"]).codes
    offset = np.random.default_rng(6).normal(scale=3.0, size=users.max() + 1)[users]  # ruins NE, and no order within a user
    found = held(sharp=(OURS, noisy(t, 0.8)), ordered=(OURS, expit(logit(t) + offset)), theirs=(PEER, noisy(t, 0.1)))
    assert found.contest.best(OURS).name == "sharp" and found.contest.best(OURS, "grouped_auc").name == "ordered"
    delta = figure(found, "best_peer_grouped_auc_delta")
    ours, theirs = (found.contest.of(name).metrics["grouped_auc"] for name in ("sharp", "theirs"))
    assert delta.value == pytest.approx(theirs - ours) and delta.holds is False
    assert whole([found], {})["setup"]["data"]["best_ranker"] == "sharp"
    assert "ours, the best by ne: sharp; best peer by ne theirs, by grouped_auc theirs" in as_text([found])
    page = render([found])
    assert "Grouped AUC of theirs, the best peer by it, minus that of sharp" in page and "minus that of ordered" not in page


def test_the_fast_tier_has_its_target(held: Callable[..., Result], known: Any) -> None:
    t = known.test_truth
    found = held(mine=(OURS, t), xgboost_slim=(OURS, noisy(t, 0.3)))
    assert (figure(found, "xgboost_slim_us_per_row").value, figure(found, "xgboost_slim_us_per_row").holds) == (3.0, False)
    found.costs["xgboost_slim"] = Cost(1.0, 1.0, 0.4, 1024)
    assert figure(found, "xgboost_slim_us_per_row").holds is True
    assert "xgboost slim, the fast tier, on one thread</td><td>0.4000</td><td>≤ 0.5</td>" in render([found])


def test_calibration_is_judged_overall_and_where_positives_are_many(
    held: Callable[..., Result], known: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = known.test_truth
    assert figure(held(mine=(OURS, t)), "calibration_worst_decile").value is None, "no decile holds a thousand positives here"
    monkeypatch.setattr("pipelines.bench.rankers.figures.ENOUGH", 80)
    high = held(mine=(OURS, np.clip(t * 1.5, 0, 0.99)))
    assert figure(high, "calibration_error_abs").holds is False and figure(high, "calibration_worst_decile").holds is False
    assert figure(high, "calibration_worst_decile").value == pytest.approx(0.5, abs=0.25)
    assert figure(held(mine=(OURS, t)), "calibration_worst_decile").value < 0.25
