"""Gradient-boosted trees: identities encoded by what all else leaves open, position as an offset, early stopping."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from pipelines.rankers.encoding import SMALL
from pipelines.rankers.fit_bundle import Rows
from pipelines.reporting.progress import grown

WEIGHTS: Final = "model.ubj"
THIN_ROUNDS: Final = 100


@dataclass(frozen=True)
class Booster:
    """A grown forest."""

    booster: xgb.Booster

    @property
    def rounds(self) -> int:
        return int(self.booster.num_boosted_rounds())

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self.booster.inplace_predict(encoded, predict_type="margin"), np.float64)[:, None]

    def weights(self) -> dict[str, tuple[float, bytes]]:
        return {WEIGHTS: (1.0, bytes(self.booster.save_raw("ubj")))}


class _Told(xgb.callback.TrainingCallback):  # type: ignore[misc]
    """Says every now and then how many trees there are."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        grown(self._name, epoch + 1, self._most, evals_log["late"]["logloss"][-1] if evals_log else None)
        return False


@dataclass(frozen=True)
class Xgboost:
    """The default ranker. rounds and depth are for large logs; thin ones get the small setting. columns: 0, or how many may be read: those
    of the largest gain when all are."""

    name: str = "xgboost"
    rounds: int = 1200
    depth: int = 5
    eta: float = 0.02
    seed: int = 7
    threads: int = 2
    columns: int = 0
    needs: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def _settings(self, positives: int) -> tuple[dict[str, Any], int]:
        """The parameters for large or for thin data. With few positives the sum of hessians is small, so that the usual least weight of a
        leaf would keep the trees from growing at all."""
        thin = positives < SMALL
        settings = {
            "objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist", "max_bin": 128,
            "max_depth": 2 if thin else self.depth, "eta": 0.05 if thin else self.eta, "min_child_weight": 1 if thin else 30,
            "subsample": 0.8, "colsample_bytree": 0.3 if thin else 0.5, "lambda": 1.0 if thin else 5.0,
            "seed": self.seed, "nthread": self.threads, **self.extra,
        }  # fmt: skip
        return settings, min(THIN_ROUNDS, self.rounds) if thin else self.rounds

    def in_use(self, positives: int) -> dict[str, float]:
        settings, _ = self._settings(positives)
        return {"depth": settings["max_depth"], "eta": settings["eta"]}

    def learn(self, model: ModelInput, rows: Rows, watch: Rows | None, positives: int, rounds: int = 0) -> Booster:
        grown = self._grown(rows, watch, positives, rounds)
        gain = grown.booster.get_score(importance_type="total_gain")
        if not 0 < self.columns < len(gain):
            return grown
        kept = [int(name[1:]) for name in sorted(gain, key=lambda name: -float(gain[name]))[: self.columns]]
        return self._grown(_with_only(rows, kept), watch and _with_only(watch, kept), positives, rounds)

    def _grown(self, rows: Rows, watch: Rows | None, positives: int, rounds: int) -> Booster:
        settings, most = self._settings(positives)
        base = float(np.clip(rows.label.mean(), 1e-6, 1 - 1e-6))
        settings["base_score"] = base  # the first tree starts at the base rate, in training as in scoring
        start = float(np.log(base / (1 - base)))
        train = xgb.DMatrix(rows.encoded, rows.label, base_margin=rows.offset + start)
        if watch is None:
            return Booster(xgb.train(settings, train, rounds or most, callbacks=[_Told(self.name, rounds or most)]))
        later = xgb.DMatrix(watch.encoded, watch.label, base_margin=watch.offset + start)
        booster = xgb.train(
            settings, train, most, evals=[(later, "late")], early_stopping_rounds=50, verbose_eval=False,
            callbacks=[_Told(self.name, most)],
        )  # fmt: skip
        return Booster(booster[: booster.best_iteration + 1])


def _with_only(rows: Rows, columns: list[int]) -> Rows:
    """The rows with every encoded column zero but the given ones, so that no tree can split on the others."""
    encoded = np.zeros_like(rows.encoded)
    encoded[:, columns] = rows.encoded[:, columns]
    return replace(rows, encoded=encoded)
