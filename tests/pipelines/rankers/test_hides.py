"""How likely a hide is: learned beside any family, calibrated, and left out where nothing could be learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from feature_repo.tables.ad_performance import HIDE_RATE
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.log_loss import log_loss
from pipelines.metrics.roc_auc import roc_auc
from pipelines.rankers.fit_bundle import fit_bundle
from pipelines.rankers.hides import FEWEST, HideForest, learn_hides
from pipelines.rankers.logistic import Logistic
from serving.bundles.smoke import smoke

TELLS = 7
"""The column that tells who hides."""


def with_hides(known: Any, rate: float, slope: float) -> tuple[Dataset, np.ndarray]:
    """The rows with hides whose log-odds rise with a column, and each row's true probability. The ad's rate is the mean of all."""
    dataset = known.dataset
    rate_of = dataset.input.names.index(HIDE_RATE)
    matrix = dataset.matrix.copy()
    truth = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + slope * matrix[:, TELLS])))
    matrix[:, rate_of] = truth.mean()
    rows = dataset.rows.assign(hide=np.random.default_rng(3).random(len(matrix)) < truth)
    return replace(dataset, rows=rows, matrix=matrix, others=("hide",), prepared={}), truth


def learned(dataset: Dataset) -> HideForest | None:
    """Of rows whose identities nobody has learned: the columns that matter here are numbers."""
    used = dataset.part("train", "calibrate")
    weight = np.where(dataset.label, 1.0, 1.0 / dataset.rows["weight_rate"].to_numpy(float))
    return learn_hides(dataset, used, dataset.matrix[used], weight)


def test_hides_are_learned_and_calibrated(thick: Any) -> None:
    dataset, truth = with_hides(thick, 0.03, 1.2)
    found = learned(dataset)
    assert found is not None
    booster = xgb.Booster(model_file=bytearray(found.weights))
    test = dataset.part("test")
    said = found.table.apply(np.asarray(booster.inplace_predict(dataset.matrix[test], predict_type="margin"), np.float64))
    hidden = dataset.rows["hide"].to_numpy()[test]
    assert said.mean() == pytest.approx(truth[test].mean(), rel=0.1)
    top = said > np.quantile(said, 0.9)
    assert said[top].mean() == pytest.approx(truth[test][top].mean(), rel=0.2)
    assert roc_auc(hidden, said) > roc_auc(hidden, truth[test]) - 0.04
    assert log_loss(hidden, said) < log_loss(hidden, np.full(len(said), truth.mean())), "better than the ad's rate"


@pytest.mark.parametrize(("rate", "slope"), [(0.0002, 1.2), (0.03, 0.0)], ids=["too few", "nothing tells"])
def test_what_tells_no_more_than_the_ads_rate_is_left_out(thick: Any, rate: float, slope: float) -> None:
    dataset, _ = with_hides(thick, rate, slope)
    assert (dataset.rows.loc[dataset.part("train"), "hide"].sum() < FEWEST) == (rate < 0.001)
    assert learned(dataset) is None
    assert learned(replace(dataset, others=())) is None


def test_a_bundle_of_any_family_holds_them_and_its_clicks_stay_what_they_are(thin: Any, tmp_path: Path) -> None:
    dataset, truth = with_hides(thin, 0.05, 1.2)
    both, alone = (fit_bundle(Logistic(), d, tmp_path / str(i), "1") for i, d in enumerate((dataset, replace(dataset, others=()))))
    assert both.manifest.heads == ("click", "hide") and alone.manifest.heads == ("click",)
    assert (both.predict(dataset.matrix) == alone.predict(dataset.matrix)).all()
    test = dataset.part("test")
    said = both.further("hide", dataset.matrix[test])
    assert said is not None and np.corrcoef(said, truth[test])[0, 1] > 0.8 and alone.further("hide", dataset.matrix) is None
    smoke(tmp_path / "0", "click")
