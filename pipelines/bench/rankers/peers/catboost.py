"""CatBoost with its defaults: ordered statistics of the identities, early stopping; the position's log-odds as baseline.

The family of that name (pipelines/rankers/catboost.py) reads the platform's evidence of identities instead, and is calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.bench.rankers.peers.peer import Given


def _pool(given: Given, start: float) -> Any:
    from catboost import FeaturesData, Pool

    names = given.identities.astype("S").astype(object)
    data = FeaturesData(num_feature_data=np.ascontiguousarray(given.numbers), cat_feature_data=names)
    return Pool(data, given.label.astype(int), baseline=given.offset + start)


@dataclass(frozen=True)
class CatboostForest:
    """A forest, and the log-odds that it begins from."""

    model: Any
    start: float

    @property
    def size(self) -> int:
        return len(self.model._serialize_model())

    def logits(self, given: Given, threads: int) -> NDArray[np.float64]:
        margin = self.model.predict(_pool(given, self.start), prediction_type="RawFormulaVal", thread_count=threads)
        return np.asarray(margin, np.float64)


@dataclass(frozen=True)
class CatboostPeer:
    name: str = "peer_catboost"
    title: str = "CatBoost"
    needs: str = "catboost"
    rounds: int = 1000
    seed: int = 7
    threads: int = 2

    def fit(self, early: Given, late: Given, both: Given) -> CatboostForest:
        from catboost import CatBoostClassifier

        settings = {"random_seed": self.seed, "thread_count": self.threads, "verbose": False, "allow_writing_files": False}
        found = CatBoostClassifier(iterations=self.rounds, early_stopping_rounds=50, **settings)
        found.fit(_pool(early, early.base), eval_set=_pool(late, early.base))
        rate = found.get_all_params()["learning_rate"]  # its own choice goes by the number of rounds asked for
        model = CatBoostClassifier(iterations=max(found.tree_count_, 1), learning_rate=rate, **settings)
        return CatboostForest(model.fit(_pool(both, both.base)), both.base)
