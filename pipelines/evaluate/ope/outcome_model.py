"""The expected reward of an action, by models that are learned from the log; a row is judged by a model that did not learn from it."""

from __future__ import annotations

from typing import Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from pipelines.evaluate.ope.feedback import Feedback, Floats
from pipelines.evaluate.ope.target import Target

FOLDS: Final = 3
TREES: Final = 40
PARAMS: Final = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.1, "min_child_weight": 1, "lambda": 10.0, "tree_method": "hist"}


def expected_rewards(feedback: Feedback, target: Target, seed: int, threads: int = 2) -> tuple[Floats, Floats]:
    """Expected rewards of the logged actions (n,) and of the target's options (m,); 0 of an empty slot.

    Cross-fitted (Chernozhukov et al., 2018): rounds are dealt into FOLDS folds, and those of a fold are judged by small boosted
    trees that saw the others alone. Rewards in [0, 1]; a fold that is taught one outcome only expects just that.
    """
    fold = np.random.default_rng(seed).integers(0, FOLDS, feedback.rounds)[feedback.round]
    option_fold = fold[target.option_slot]
    shown, logged, options = feedback.shown, np.zeros(len(feedback)), np.zeros(len(target.option_slot))
    for f in range(FOLDS):
        taught = shown & (fold != f)
        judge, ask = shown & (fold == f), option_fold == f
        model = learn(feedback.context[taught], feedback.reward[taught], seed, threads)
        logged[judge] = model(feedback.context[judge])
        options[ask] = model(target.option_context[ask])
    return logged, options


class OutcomeModel:
    """P(reward) by context; booster None: the mean for all."""

    def __init__(self, booster: xgb.Booster | None, mean: float) -> None:
        self._booster, self._mean = booster, mean

    def __call__(self, context: NDArray[np.float32]) -> Floats:
        """(k, d) to (k,)."""
        if self._booster is None or not len(context):
            return np.full(len(context), self._mean)
        return np.asarray(self._booster.inplace_predict(context), np.float64)


def learn(context: NDArray[np.float32], reward: Floats, seed: int, threads: int = 2) -> OutcomeModel:
    """From rows (k, d) with rewards of 0 or 1."""
    mean = float(reward.mean()) if len(reward) else 0.0
    if not 0 < mean < 1 or context.shape[1] == 0:
        return OutcomeModel(None, mean)
    data = xgb.DMatrix(context, reward, nthread=threads)
    return OutcomeModel(xgb.train({**PARAMS, "base_score": mean, "seed": seed, "nthread": threads}, data, TREES), mean)
