"""The cuts of `bench calibration` are training sets as the platform makes them, and its readings say what is so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from feature_repo.services import HEADS
from pipelines.__main__ import app
from pipelines.bench.calibration.calibration import CalibrationReading, figures, mean, ratio
from pipelines.bench.calibration.cuts import LENGTHS, TEST_SHARES, Cut, cuts
from pipelines.bench.rankers.data import Task
from pipelines.datasets.dataset import Dataset
from pipelines.statistics.bootstrap import Interval

ROWS = 20_000


def a_task(rate: float) -> Task:
    rng = np.random.default_rng(2)
    start = datetime(2026, 1, 5, tzinfo=UTC)
    rows = pd.DataFrame(
        {
            "row_id": [f"r{n:06}" for n in range(ROWS)],
            "ts": [start + timedelta(seconds=30 * n) for n in range(ROWS)],
            "user_id": [f"u{n % 700}" for n in range(ROWS)],
            "label": rng.random(ROWS) < rate,
            "split": "train",
            "weight_rate": 1.0,
        }
    )
    widest = HEADS["click"][-1]
    matrix = np.arange(ROWS, dtype=np.float32)[:, None].repeat(len(widest.columns), axis=1)
    return Task("made", "made", Dataset("click", widest, rows, matrix), None)


def test_every_cut_is_the_newest_rows_split_by_time_with_negatives_thinned_before_the_test() -> None:
    task, truth = a_task(0.06), np.linspace(0.01, 0.1, ROWS)
    found = list(cuts(task, 0.25, truth))
    assert [(cut.length, cut.test_share) for cut in found] == [(length, share) for length in LENGTHS for share in TEST_SHARES]
    for cut in found:
        rows, test = cut.dataset.rows, cut.dataset.part("test")
        assert test.sum() == pytest.approx(ROWS * cut.length * cut.test_share, rel=0.02)
        assert rows["ts"].is_monotonic_increasing and rows.loc[test, "ts"].min() > rows.loc[~test, "ts"].max()
        thin = 0.25 if task.dataset.rows["label"].iloc[-int(ROWS * cut.length) :].sum() > 1000 else 1.0
        assert set(rows.loc[~test, "weight_rate"]) == {thin} and set(rows.loc[test, "weight_rate"]) == {1.0}
        at = rows["row_id"].str[1:].astype(int).to_numpy()
        np.testing.assert_array_equal(cut.dataset.matrix[:, 0], at.astype(np.float32))
        assert cut.truth is not None
        np.testing.assert_array_equal(cut.truth, truth[at[test]])
        assert rows.loc[~test & ~rows["label"]].shape[0] == pytest.approx(thin * 0.94 * ROWS * cut.length * (1 - cut.test_share), rel=0.05)


def test_a_cut_with_hardly_a_positive_is_left_out() -> None:
    assert list(cuts(a_task(0.0005), 0.25)) == []


def test_ratios_and_means_have_intervals_that_hold_them() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(0.05, 0.15, 5_000)
    came = (rng.random(5_000) < p).astype(float)
    drawn = [rng.poisson(1.0, 5_000).astype(float) for _ in range(300)]
    found = ratio(1.3 * p, came, drawn)
    assert found.low < 1.3 < found.high and found.low < found.value < found.high
    difference = mean(p - p, drawn)
    assert (difference.low, difference.value, difference.high) == (0.0, 0.0, 0.0)
    nothing = ratio(p[:10], np.r_[1.0, np.zeros(9)], [np.zeros(10)] * 300)
    assert nothing.low == float("-inf"), "nothing is sure where resamples have no outcome"


def test_what_is_surely_off_does_not_hold() -> None:
    cut = Cut("made", 1.0, 0.3, a_task(0.01).dataset, None)
    right, off = Interval(1.04, 1.01, 1.07), Interval(1.2, 1.1, 1.3)
    even, worse = Interval(0.0, -0.1, 0.1), Interval(0.01, 0.005, 0.015)
    good = CalibrationReading(cut, "xgboost", 300, right, off, even, even, "peer_lightgbm")
    bad = replace(good, family="logistic", ratio=off, change=worse, behind=worse)
    holds = {f.name: f.holds for f in figures([good, bad])}
    for name in ("ratio", "loss_by_calibrator", "loss_over_best_peer"):
        assert holds[f"made.1.0.3.xgboost.{name}"] is True and holds[f"made.1.0.3.logistic.{name}"] is False
    assert {holds[f"share_{name}"] for name in ("calibrated", "not_worse_than_raw", "not_behind_peers")} == {False}


@pytest.mark.parametrize("seeds", ["1,1", "x", "-1", ""])
def test_seeds_are_whole_numbers_each_once(seeds: str) -> None:
    told = CliRunner().invoke(app, ["bench", "calibration", "--seeds", seeds])
    assert told.exit_code == 2 and "11,12,13" in told.stderr
