"""scikit-learn's HistGradientBoostingClassifier: identities of few values as its categories, of many by its own target encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.bench.rankers.peers.peer import Given

MOST: Final = 255
"""Categories that it takes in one column."""


@dataclass(frozen=True)
class Columns:
    """What it reads: numbers, the position, few-valued identities, and the encoded others. encoder: fitted; None without others."""

    few: NDArray[np.int64]
    many: NDArray[np.int64]
    encoder: Any

    def matrix(self, given: Given, encoded: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        few = given.identities[:, self.few].astype(np.float32)
        few[few < 0] = np.nan  # never seen: missing
        parts: list[NDArray[np.floating]] = [given.numbers, given.position[:, None], few]
        if len(self.many):
            parts.append(self.encoder.transform(given.identities[:, self.many]) if encoded is None else encoded)
        return np.hstack(parts).astype(np.float32)

    def is_category(self, given: Given) -> list[int]:
        start = given.numbers.shape[1] + 1
        return list(range(start, start + len(self.few)))


@dataclass(frozen=True)
class HistGradientBoostingForest:
    model: Any
    columns: Columns

    @property
    def size(self) -> int:
        """Of the arrays of its trees' nodes and of the encoder's tables; it has no format of its own but pickle."""
        trees = sum(p.nodes.nbytes for stage in self.model._predictors for p in stage)
        tables = self.columns.encoder.encodings_ if len(self.columns.many) else []
        return int(trees + sum(t.nbytes for t in tables))

    def logits(self, given: Given, threads: int) -> NDArray[np.float64]:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(threads):
            return np.asarray(self.model.decision_function(self.columns.matrix(given)), np.float64)


@dataclass(frozen=True)
class HistGradientBoostingPeer:
    name: str = "peer_hist_gradient_boosting"
    title: str = "scikit-learn HistGradientBoostingPeer"
    needs: str = "sklearn"
    rounds: int = 1000
    seed: int = 7

    def fit(self, early: Given, late: Given, both: Given) -> HistGradientBoostingForest:
        from sklearn.ensemble import HistGradientBoostingClassifier

        settings = {"learning_rate": 0.05, "random_state": self.seed}
        columns, x = self._read(early)
        found = HistGradientBoostingClassifier(
            max_iter=self.rounds, early_stopping=True, n_iter_no_change=20, categorical_features=columns.is_category(early), **settings
        )
        found.fit(x, early.label, X_val=columns.matrix(late), y_val=late.label)
        best = max(int(np.argmax(found.validation_score_)), 1)
        columns, x = self._read(both)
        model = HistGradientBoostingClassifier(
            max_iter=best, early_stopping=False, categorical_features=columns.is_category(both), **settings
        )
        return HistGradientBoostingForest(model.fit(x, both.label), columns)

    def _read(self, given: Given) -> tuple[Columns, NDArray[np.float32]]:
        """The columns as learned on these rows, and their matrix with the encoder's cross-fitted values."""
        from sklearn.model_selection import StratifiedKFold
        from sklearn.preprocessing import TargetEncoder

        wide = given.identities.max(axis=0) >= MOST
        few, many = np.flatnonzero(~wide), np.flatnonzero(wide)
        encoder = TargetEncoder(target_type="binary", cv=StratifiedKFold(5, shuffle=True, random_state=self.seed))
        encoded = encoder.fit_transform(given.identities[:, many], given.label.astype(int)) if len(many) else None
        columns = Columns(few, many, encoder)
        return columns, columns.matrix(given, encoded)
