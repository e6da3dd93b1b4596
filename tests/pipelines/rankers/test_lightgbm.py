"""LightGBM's forests are scored elsewhere exactly as it scores them itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.errors import PipelineError
from pipelines.rankers.fit_bundle import Ready
from pipelines.rankers.forest_graph import forest_graph
from pipelines.rankers.lightgbm import Lightgbm
from serving.bundles.network import Network

pytestmark = pytest.mark.deep


@pytest.fixture(scope="module")
def forest(thick: Any) -> Any:
    ready = Ready.of(thick.dataset)
    learned, encodings = ready.learn(replace(Lightgbm(), rounds=300, eta=0.1), thick.dataset.part("train"), None, 10_000)
    from serving.bundles.encoder import encode

    return learned, encode(thick.dataset.matrix, encodings)


def network(content: bytes, columns: int, folder: Path) -> Network:
    (folder / "model.onnx").write_bytes(content)
    return Network.load(folder / "model.onnx", np.zeros((2, columns), np.float32), 1)


def test_onnx_scores_are_lightgbms(forest: Any, thick: Any, tmp_path: Path) -> None:
    learned, encoded = forest
    served = network(learned.weights()["model.onnx"][1], encoded.shape[1], tmp_path)
    assert learned.rounds == 300
    assert served.logits(thick.dataset.matrix, encoded) == pytest.approx(learned.logits(thick.dataset.matrix, encoded), abs=1e-5)


def test_values_at_a_threshold_go_the_same_way(forest: Any, tmp_path: Path) -> None:
    """A threshold lies between two floats that training saw; rounding it to the nearest would send the upper one left."""
    learned, encoded = forest
    table = learned.booster.trees_to_dataframe().dropna(subset=["threshold"])
    rows = np.repeat(encoded[:1], 2 * len(table), axis=0)
    column = table["split_feature"].str.removeprefix("Column_").astype(int).to_numpy()
    near = table["threshold"].to_numpy().astype(np.float32)
    at = np.arange(len(table))
    rows[at, column], rows[at + len(table), column] = near, np.nextafter(near, np.float32(np.inf))
    served = network(learned.weights()["model.onnx"][1], encoded.shape[1], tmp_path)
    assert served.logits(rows, rows) == pytest.approx(learned.logits(rows, rows), abs=1e-5)


def test_a_split_on_a_set_of_categories_is_refused() -> None:
    split = {"split_feature": 0, "decision_type": "==", "threshold": "1||2", "left_child": {}, "right_child": {}}
    with pytest.raises(PipelineError, match="=="):
        forest_graph({"tree_info": [{"tree_structure": split}]}, 3, 0.0)
