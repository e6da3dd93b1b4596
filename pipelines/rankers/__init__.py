"""Model families. A new one is a file here and a line below: see fit_bundle.Family."""

from __future__ import annotations

from typing import Final

from pipelines.rankers.early_fusion import EarlyFusion
from pipelines.rankers.fit_bundle import Family
from pipelines.rankers.lightgbm import Lightgbm
from pipelines.rankers.logistic import Logistic
from pipelines.rankers.xgboost import Xgboost

RANKERS: Final[dict[str, Family]] = {
    r.name: r for r in (Logistic(), Xgboost(), Xgboost(name="xgboost_slim", rounds=120, depth=3, eta=0.1), Lightgbm(), EarlyFusion())
}
"""xgboost_slim: fewer and shallower trees, a quarter of the scoring time."""
