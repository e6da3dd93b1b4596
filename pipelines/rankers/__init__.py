"""Model families. A new one is a file here and a line below, or an entry point of another distribution: see fit_bundle.RankerFamily."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from feature_repo.plugins import Offered
from pipelines.rankers.behaviour_transformer import BehaviourTransformer
from pipelines.rankers.catboost import Catboost
from pipelines.rankers.deep_ensemble import DeepEnsemble
from pipelines.rankers.early_fusion import EarlyFusion
from pipelines.rankers.fit_bundle import RankerFamily
from pipelines.rankers.intermediate_fusion import IntermediateFusion
from pipelines.rankers.late_fusion import LateFusion
from pipelines.rankers.lightgbm import Lightgbm
from pipelines.rankers.logistic import Logistic
from pipelines.rankers.xgboost import Xgboost

BUILT_IN: Final[tuple[RankerFamily, ...]] = (
    Logistic(),
    Xgboost(),
    Xgboost(name="xgboost_slim", rounds=16, depth=5, columns=24, extra={"eta": 0.22, "subsample": 1.0, "colsample_bytree": 1.0}),
    Lightgbm(),
    Catboost(),
    EarlyFusion(),
    IntermediateFusion(),
    IntermediateFusion(name="intermediate_fusion_dcn", crosses=2),
    LateFusion(),
    LateFusion(name="late_fusion_meta", meta=True),
    BehaviourTransformer(),
    DeepEnsemble(),
)
"""xgboost_slim: few trees of few columns that take large steps, on thin logs too; a thousand rows in less than half a millisecond on one
thread, identities looked up."""

RANKERS: Final[Mapping[str, RankerFamily]] = Offered("placard.rankers", {r.name: r for r in BUILT_IN}, ("learn",))
"""The built-in ones by name, and those that other distributions bring."""
