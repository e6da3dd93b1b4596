"""The way many teams serve a first ranker: Feast for the user and every ad, pandas, MLflow's pyfunc, a sort."""

from __future__ import annotations

import warnings
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from feature_repo.model_input import ModelInput


class Naive:
    """A store of its own with `ads` ads and one user, holding the columns that the model reads."""

    def __init__(self, folder: Path, booster: xgb.Booster, model: ModelInput, ads: int) -> None:
        from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
        from feast.types import Float32

        self._model = model
        self._user = [f"u{i}" for i, c in enumerate(model.columns) if c.origin != "ad"]
        self._ad = [f"a{i}" for i, c in enumerate(model.columns) if c.origin == "ad"]
        order = {int(n[1:]): n for n in (*self._user, *self._ad)}
        self._order = [order[i] for i in sorted(order)]
        rng, now = np.random.default_rng(1), datetime.now(UTC)
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            self._store = FeatureStore(
                config=RepoConfig(
                    project="naive", provider="local", registry=str(folder / "registry.db"), offline_store={"type": "duckdb"},
                    online_store={"type": "sqlite", "path": str(folder / "online.db")}, entity_key_serialization_version=3,
                )
            )  # fmt: skip
            for name, columns, n in (("user", self._user, 1), ("ad", self._ad, ads)):
                frame = pd.DataFrame(rng.normal(size=(n, len(columns))).astype(np.float32), columns=columns)
                frame[f"{name}_id"], frame["ts"] = [f"{name}{i}" for i in range(n)], now
                path = folder / f"{name}.parquet"
                frame.to_parquet(path)
                entity = Entity(name=name, join_keys=[f"{name}_id"], value_type=ValueType.STRING)
                view = FeatureView(
                    name=name, entities=[entity], schema=[Field(name=c, dtype=Float32) for c in columns],
                    source=FileSource(path=str(path), timestamp_field="ts"),
                )  # fmt: skip
                self._store.apply([entity, view])
                self._store.write_to_online_store(name, frame)
            self._predictor = self._pyfunc(folder, booster, rng)
        self._rows = [f"ad{i}" for i in range(ads)]

    def _pyfunc(self, folder: Path, booster: xgb.Booster, rng: np.random.Generator) -> Any:
        import mlflow

        named = booster.copy()
        named.feature_names = self._order
        mlflow.xgboost.save_model(named, str(folder / "model"), model_format="ubj", pip_requirements=["xgboost-cpu"])
        return mlflow.pyfunc.load_model(str(folder / "model"))

    def rank(self, k: int) -> np.ndarray:
        """One request: the rows of the k ads, best first."""
        ads = self._rows[:k]
        user = self._store.get_online_features(features=[f"user:{c}" for c in self._user], entity_rows=[{"user_id": "user0"}]).to_df()
        found = self._store.get_online_features(
            features=[f"ad:{c}" for c in self._ad], entity_rows=[{"ad_id": a} for a in ads]
        ).to_df()  # fmt: skip
        frame = found.assign(**{c: user[c].iloc[0] for c in self._user})[self._order].astype(np.float32)
        return np.argsort(-np.asarray(self._predictor.predict(frame)))
