"""Gradient-boosted trees as XGBoost wrote them (UBJ)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from serving.errors import BundleRefused


class Trees:
    """A booster over the encoded columns. Raises BundleRefused when its columns are not `columns` many."""

    outputs = 1

    def __init__(self, booster: xgb.Booster, columns: int) -> None:
        if booster.num_features() != columns:
            raise BundleRefused("bundle weights", f"{booster.num_features()} columns", f"{columns} are declared; train again.")
        self.booster = booster

    @classmethod
    def load(cls, path: Path, columns: int, threads: int) -> Trees:
        """Reads weights. Raises BundleRefused when XGBoost cannot."""
        booster = xgb.Booster({"nthread": threads})
        try:
            booster.load_model(path)
        except xgb.core.XGBoostError as error:
            raise BundleRefused("bundle weights", path.name, f"They cannot be read: {error}") from None
        return cls(booster, columns)

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self.booster.inplace_predict(encoded, predict_type="margin"), np.float64)[:, None]

    def contributions(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        """TreeSHAP (Lundberg et al. 2020)."""
        return np.asarray(self.booster.predict(xgb.DMatrix(encoded), pred_contribs=True), np.float64)
