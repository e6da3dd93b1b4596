"""LightGBM as its guide tells: raw columns, identities as categories, early stopping; the position's log-odds as initial score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.bench.rankers.peers.peer import Given


def _matrix(given: Given) -> NDArray[np.float32]:
    return np.hstack([given.numbers, given.identities.astype(np.float32)])


@dataclass(frozen=True)
class LightgbmForest:
    """A forest, and the log-odds that it begins from."""

    booster: Any
    start: float

    @property
    def size(self) -> int:
        return len(self.booster.model_to_string().encode())

    def logits(self, given: Given, threads: int) -> NDArray[np.float64]:
        margin = self.booster.predict(_matrix(given), raw_score=True, num_threads=threads)
        return np.asarray(margin + self.start + given.offset, np.float64)


@dataclass(frozen=True)
class LightgbmPeer:
    name: str = "peer_lightgbm"
    title: str = "LightGBM"
    needs: str = "lightgbm"
    rounds: int = 2000
    seed: int = 7
    threads: int = 2

    def fit(self, early: Given, late: Given, both: Given) -> LightgbmForest:
        import lightgbm as lgb

        settings = {"objective": "binary", "learning_rate": 0.05, "seed": self.seed, "num_threads": self.threads, "verbosity": -1}

        def data(given: Given, start: float, like: Any = None) -> Any:
            k = given.numbers.shape[1]
            category = list(range(k, k + given.identities.shape[1]))
            label = given.label.astype(np.float32)
            return lgb.Dataset(_matrix(given), label, reference=like, init_score=given.offset + start, categorical_feature=category)

        first = data(early, early.base)
        stop = lgb.early_stopping(50, verbose=False)
        found = lgb.train(settings, first, self.rounds, valid_sets=[data(late, early.base, first)], callbacks=[stop])
        return LightgbmForest(lgb.train(settings, data(both, both.base), max(found.best_iteration, 1)), both.base)
