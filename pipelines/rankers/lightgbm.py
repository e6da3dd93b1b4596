"""LightGBM (Ke et al. 2017): trees grown leaf by leaf, exported to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from pipelines.rankers.encoding import SMALL
from pipelines.rankers.fit_bundle import Rows
from pipelines.rankers.forest_graph import forest_graph
from pipelines.reporting.progress import grown

WEIGHTS: Final = "model.onnx"
THIN_ROUNDS: Final = 100


@dataclass(frozen=True)
class Forest:
    """A grown forest. start: log-odds that it begins from."""

    booster: Any
    rounds: int
    columns: int
    start: float

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self.booster.predict(encoded, raw_score=True, num_iteration=self.rounds) + self.start, np.float64)[:, None]

    def weights(self) -> dict[str, tuple[float, bytes]]:
        return {WEIGHTS: (1.0, forest_graph(self.booster.dump_model(num_iteration=self.rounds), self.columns, self.start))}


@dataclass(frozen=True)
class Lightgbm:
    """The other way to boost. rounds and leaves are for large logs; thin ones get the small setting."""

    name: str = "lightgbm"
    rounds: int = 1200
    leaves: int = 31
    eta: float = 0.02
    seed: int = 7
    threads: int = 2
    needs: str = "lightgbm"

    def in_use(self, positives: int) -> dict[str, float]:
        return {"leaves": 4, "eta": 0.05} if positives < SMALL else {"leaves": self.leaves, "eta": self.eta}

    def learn(self, model: ModelInput, rows: Rows, watch: Rows | None, positives: int, rounds: int = 0) -> Forest:
        import lightgbm as lgb

        thin, used = positives < SMALL, self.in_use(positives)
        settings = {
            "objective": "binary", "metric": "binary_logloss", "max_bin": 127, "num_leaves": used["leaves"],
            "learning_rate": used["eta"], "min_sum_hessian_in_leaf": 1 if thin else 30, "min_data_in_leaf": 20,
            "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.3 if thin else 0.5, "lambda_l2": 1.0 if thin else 5.0,
            "use_missing": False, "seed": self.seed, "deterministic": True, "force_row_wise": True, "num_threads": self.threads,
            "verbosity": -1,
        }  # fmt: skip
        base = float(np.clip(rows.label.mean(), 1e-6, 1 - 1e-6))
        start, most = float(np.log(base / (1 - base))), rounds or (THIN_ROUNDS if thin else self.rounds)
        train = lgb.Dataset(rows.encoded, rows.label.astype(np.float32), init_score=rows.offset + start)

        def told(now: Any) -> None:
            found = now.evaluation_result_list
            grown(self.name, now.iteration + 1, most, found[0][2] if found else None)

        if watch is None:
            booster = lgb.train(settings, train, most, callbacks=[told])
            return Forest(booster, booster.current_iteration(), rows.encoded.shape[1], start)
        later = lgb.Dataset(watch.encoded, watch.label.astype(np.float32), reference=train, init_score=watch.offset + start)
        stop = lgb.early_stopping(50, verbose=False)
        booster = lgb.train(settings, train, most, valid_sets=[later], callbacks=[stop, told])
        return Forest(booster, booster.best_iteration, rows.encoded.shape[1], start)
