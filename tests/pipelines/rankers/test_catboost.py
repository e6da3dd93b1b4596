"""CatBoost's forests are scored elsewhere exactly as it scores them itself."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.rankers.catboost import Catboost
from pipelines.rankers.fit_bundle import Ready, fit_bundle
from serving.bundles import Bundle
from serving.bundles.calibrator import probability
from serving.bundles.encoder import encode
from serving.bundles.network import Network

pytestmark = pytest.mark.deep


@pytest.fixture(scope="module")
def forest(thick: Any) -> Any:
    ready = Ready.of(thick.dataset)
    learned, encodings = ready.learn(replace(Catboost(), rounds=300, eta=0.1), thick.dataset.part("train"), None, 10_000)
    return learned, encode(thick.dataset.matrix, encodings)


def network(content: bytes, columns: int, folder: Path) -> Network:
    (folder / "model.onnx").write_bytes(content)
    return Network.load(folder / "model.onnx", np.zeros((2, columns), np.float32), 1)


def test_onnx_probabilities_are_catboosts(forest: Any, thick: Any, tmp_path: Path) -> None:
    learned, encoded = forest
    served = network(learned.weights()["model.onnx"][1], encoded.shape[1], tmp_path)
    own, out = learned.logits(thick.dataset.matrix, encoded), served.logits(thick.dataset.matrix, encoded)
    assert learned.rounds == 300 and np.ptp(own) > 2
    assert np.abs(probability(out) - probability(own)).max() < 1e-6


def test_values_at_a_border_go_the_same_way(forest: Any, tmp_path: Path) -> None:
    """A value that equals a border is not over it; the next float is."""
    learned, encoded = forest
    rows = []
    for column, borders in enumerate(learned.model.get_borders().values()):
        for border in borders[:4]:
            for value in (np.float32(border), np.nextafter(np.float32(border), np.float32(np.inf))):
                rows.append(encoded[len(rows) % len(encoded)].copy())
                rows[-1][column] = value
    asked = np.array(rows, np.float32)
    served = network(learned.weights()["model.onnx"][1], encoded.shape[1], tmp_path)
    assert len(asked) > 100
    assert np.abs(probability(served.logits(asked, asked)) - probability(learned.logits(asked, asked))).max() < 1e-6


def test_the_forest_ends_where_later_rows_are_told_best(thick: Any) -> None:
    ready = Ready.of(thick.dataset)
    early, late = thick.dataset.part("train"), thick.dataset.part("calibrate")
    learned, _ = ready.learn(replace(Catboost(), rounds=1000, eta=0.3), early, late, 10_000)
    assert 0 < learned.rounds < 1000


def test_a_thin_log_gets_few_shallow_trees_and_its_bundle_loads_without_catboost(
    thin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit_bundle(Catboost(), thin.dataset, tmp_path / "b", "1")
    monkeypatch.setitem(sys.modules, "catboost", None)  # an import of it would fail now
    bundle = Bundle.load(tmp_path / "b", "click")
    p = bundle.predict(thin.dataset.matrix)
    assert np.isfinite(p).all() and np.ptp(p) > 0
    assert {path.suffix for path in (tmp_path / "b").iterdir()} <= {".onnx", ".json", ".npy"}
    assert (tmp_path / "b" / "model.onnx").stat().st_size < 200_000
