"""Gradient-boosted trees as a bundle's weights: XGBoost's UBJ."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray


class Trees:
    """A booster; `threads` is set once, at load."""

    file: Final = "model.ubj"

    def __init__(self, booster: xgb.Booster) -> None:
        self.booster = booster

    @property
    def columns(self) -> int:
        return int(self.booster.num_features())

    def margin(self, encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds, shape (n,), of an encoded (n, k) matrix."""
        return np.asarray(self.booster.inplace_predict(encoded, predict_type="margin"), np.float64)

    def contributions(self, encoded: NDArray[np.float32]) -> NDArray[np.float32]:
        """TreeSHAP (Lundberg et al. 2020), shape (n, k + 1); the last column is the bias."""
        return np.asarray(self.booster.predict(xgb.DMatrix(encoded), pred_contribs=True), np.float32)

    def importance(self) -> NDArray[np.float64]:
        """Total gain by column, shape (k,)."""
        out: NDArray[np.float64] = np.zeros(self.columns)
        for name, gain in self.booster.get_score(importance_type="total_gain").items():
            out[int(name[1:])] = gain
        return out

    def save(self, path: Path) -> None:
        self.booster.save_model(path)

    @classmethod
    def load(cls, path: Path, threads: int) -> Trees:
        """Raises XGBoostError for a file that is none."""
        booster = xgb.Booster({"nthread": threads})
        booster.load_model(path)
        booster.set_param({"nthread": threads})
        return cls(booster)
