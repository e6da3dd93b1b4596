"""Model families. A new one is a file here and a line below; each has name and fit(dataset, folder, version) -> Bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from pipelines.dataset import Dataset
from pipelines.rankers.xgboost import Xgboost
from serving.bundles import Bundle


class Ranker(Protocol):
    """Trains a bundle from a dataset; deterministic for a seed."""

    @property
    def name(self) -> str: ...

    def fit(self, dataset: Dataset, folder: Path, version: str) -> Bundle: ...


RANKERS: Final[dict[str, Ranker]] = {r.name: r for r in (Xgboost(), Xgboost(name="xgboost_slim", rounds=120, depth=3, eta=0.1))}
"""xgboost_slim: fewer and shallower trees, a quarter of the scoring time."""
