"""CatBoost (Prokhorenkova et al. 2018): symmetric trees, which ask one question a level, exported to ONNX."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
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
STOPPED_AFTER: Final = 50
"""Trees without a lower loss on later rows that end a training."""


@dataclass(frozen=True)
class SymmetricForest:
    """A grown forest of symmetric trees. start: log-odds that it begins from."""

    model: Any
    columns: int
    start: float

    @property
    def rounds(self) -> int:
        return int(self.model.tree_count_)

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        margin = self.model.predict(np.ascontiguousarray(encoded), prediction_type="RawFormulaVal")
        return np.asarray(margin, np.float64)[:, None] + self.start

    @cached_property
    def _content(self) -> bytes:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "model.json"
            self.model.save_model(str(path), format="json")
            found = json.loads(path.read_text())
        scale, (bias,) = found["scale_and_bias"]
        trees = [{"tree_structure": _nested(tree["splits"] or (), tree["leaf_values"], scale)} for tree in found["oblivious_trees"]]
        return forest_graph({"tree_info": trees}, self.columns, self.start + bias)

    def weights(self) -> dict[str, tuple[float, bytes]]:
        return {WEIGHTS: (1.0, self._content)}


def _nested(splits: Sequence[Mapping[str, Any]], leaves: Sequence[float], scale: float) -> dict[str, Any]:
    """A symmetric tree as forest_graph reads trees: node in node. Bit i of a leaf's number says whether the row's value is over the border
    of split i, so the last split parts the first half of the leaves from the second."""
    if not splits:
        return {"leaf_value": leaves[0] * scale}
    last, half = splits[-1], len(leaves) // 2
    return {
        "split_feature": last["float_feature_index"], "threshold": last["border"], "decision_type": "<=",
        "left_child": _nested(splits[:-1], leaves[:half], scale), "right_child": _nested(splits[:-1], leaves[half:], scale),
    }  # fmt: skip


class _Told:
    """Says how many trees there are."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most

    def after_iteration(self, info: Any) -> bool:
        losses = info.metrics.get("validation", {}).get("Logloss")
        grown(self._name, info.iteration, self._most, losses[-1] if losses else None)
        return True


@dataclass(frozen=True)
class Catboost:
    """The third way to boost. It reads the platform's evidence of identities as numbers, as every family does, and none of its own
    statistics of categories. rounds and depth are for large logs; thin ones get the small setting."""

    name: str = "catboost"
    rounds: int = 1200
    depth: int = 6
    eta: float = 0.03
    seed: int = 7
    threads: int = 2
    needs: str = "catboost"

    def learn(self, model: ModelInput, rows: Rows, watch: Rows | None, positives: int, rounds: int = 0) -> SymmetricForest:
        from catboost import CatBoostClassifier, Pool

        thin = positives < SMALL
        base = float(np.clip(rows.label.mean(), 1e-6, 1 - 1e-6))
        start, most = float(np.log(base / (1 - base))), rounds or (min(THIN_ROUNDS, self.rounds) if thin else self.rounds)

        def pool(given: Rows) -> Any:
            return Pool(np.ascontiguousarray(given.encoded), given.label.astype(int), baseline=given.offset + start)

        settings = {
            "iterations": most, "learning_rate": 0.05 if thin else self.eta, "depth": 2 if thin else self.depth, "border_count": 128,
            "l2_leaf_reg": 3.0 if thin else 5.0, "rsm": 0.3 if thin else 0.5, "bootstrap_type": "Bernoulli", "subsample": 0.8,
            "random_seed": self.seed, "thread_count": self.threads, "verbose": False, "allow_writing_files": False,
        }  # fmt: skip
        forest = CatBoostClassifier(**settings)
        later = None if watch is None else pool(watch)
        forest.fit(
            pool(rows), eval_set=later, early_stopping_rounds=None if later is None else STOPPED_AFTER, callbacks=[_Told(self.name, most)]
        )
        return SymmetricForest(forest, rows.encoded.shape[1], start)
