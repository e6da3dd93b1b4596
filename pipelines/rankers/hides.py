"""How likely an impression is hidden or reported: small trees in the bundle of every family, for the auction's cost of annoyance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from feature_repo.tables.ad_performance import HIDE_RATE
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.log_loss import log_loss
from pipelines.rankers.calibrate import fit_calibrator
from serving.bundles.calibrator import Calibrator, probability

HIDE: Final = "hide"
FEWEST: Final = 40
"""Hides of the train split below which nothing is learned; a quarter of it in the calibrate split."""
ROUNDS: Final = 60
SETTINGS: Final = {
    "objective": "binary:logistic", "tree_method": "hist", "max_bin": 64, "max_depth": 2, "eta": 0.05, "min_child_weight": 2, "lambda": 5.0,
    "subsample": 0.8, "colsample_bytree": 0.3, "seed": 7, "nthread": 2,
}  # fmt: skip
"""Hides are rare: few and shallow trees whatever the log's size. On the simulated market of seed 101, with 75 hides to learn from, deeper
and faster growing ones told the last days worse than the mean did."""


@dataclass(frozen=True)
class HideForest:
    """weights: UBJ. table: turns their margins into probabilities."""

    weights: bytes
    table: Calibrator


def learn_hides(dataset: Dataset, used: NDArray[np.bool_], encoded: NDArray[np.float32], weight: NDArray[np.float64]) -> HideForest | None:
    """Trees of the train split, calibrated on the calibrate split. used: the rows of both, in the dataset; encoded: those rows as members
    read them, (m, k); weight: how many impressions each row of the dataset stands for. Only surfaces where anything was hidden count.

    None where hides are no label of the dataset or are too few to learn, and where the trees tell later rows no better than the ad's
    smoothed rate does, which serving takes then.
    """
    if HIDE not in dataset.others:
        return None
    rows = dataset.rows[used]
    hidden, early = rows[HIDE].to_numpy(bool), dataset.part("train")[used]
    here = rows["surface"].isin(rows.loc[hidden & early, "surface"].unique()).to_numpy(bool)
    early, late, weight = early & here, ~early & here, weight[used]
    if hidden[early].sum() < FEWEST or hidden[late].sum() < FEWEST // 4:
        return None
    settings = {**SETTINGS, "base_score": float(np.average(hidden[early], weights=weight[early]))}
    forest = xgb.train(settings, xgb.DMatrix(encoded[early], hidden[early], weight=weight[early]), ROUNDS)
    margin = np.asarray(forest.inplace_predict(encoded[late], predict_type="margin"), np.float64)
    rate = encoded[late, dataset.input.names.index(HIDE_RATE)].astype(np.float64)
    if log_loss(hidden[late], probability(margin), weight[late]) >= log_loss(hidden[late], rate, weight[late]):
        return None
    # A hide is one piece of evidence, however many sampled rows it stands for.
    table = fit_calibrator(margin, hidden[late], weight[late] / weight[late][hidden[late]].mean())
    return HideForest(bytes(forest.save_raw("ubj")), table)
