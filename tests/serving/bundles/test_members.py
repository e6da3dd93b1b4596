"""Bundles of networks, and of several members: scored as their shares say, explained, refused when they are something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import xgboost as xgb
from onnx import TensorProto, helper, numpy_helper

from feature_repo.services import CLICK
from pipelines.bench.serving.synthetic import ranker
from serving.bundles import Bundle, Tables, write_bundle, write_manifest
from serving.bundles.encoder import evidence
from serving.bundles.network import AT_ONCE, Network
from serving.bundles.smoke import smoke
from serving.errors import BundleRefused

K = len(CLICK.columns)


def linear(weights: np.ndarray, names: tuple[str, ...] = ("encoded",), output: str = "logits") -> bytes:
    """logits = encoded @ weights (k, outputs), plus nothing of the other inputs."""
    k, outputs = weights.shape
    nodes = [helper.make_node("MatMul", [names[-1], "w"], [output])]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", k]) for n in names]
    given = [numpy_helper.from_array(weights.astype(np.float32), "w")]
    out = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", outputs])]
    model = helper.make_model(helper.make_graph(nodes, "linear", inputs, out, given), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle]:
    folder = tmp_path_factory.mktemp("members") / "trees"
    return folder, ranker(folder, trees=8, rows=2_000)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(4).normal(size=(50, K)).astype(np.float32)


def weights(outputs: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.2, size=(K, outputs)).astype(np.float32)


def made(
    trees: tuple[Path, Bundle], folder: Path, members: dict[str, tuple[float, bytes]], others: dict[str, bytes] | None = None
) -> Bundle:
    bundle = trees[1]
    tables = Tables(bundle.tables.overall, {}, dict.fromkeys(others or {}, bundle.tables.overall))
    return write_bundle(folder, bundle.manifest, members, bundle.encodings, tables, np.zeros((2, K), np.float32), others)


def by(bundle: Bundle, rows: np.ndarray, w: np.ndarray) -> np.ndarray:
    """What a linear network of these weights makes of the rows, beginning from what is known of their identities."""
    read = bundle.encoded(rows)
    return np.asarray((read @ w)[:, 0] + evidence(read, bundle.encodings))


def test_a_network_scores_the_encoded_columns(trees: tuple[Path, Bundle], rows: np.ndarray, tmp_path: Path) -> None:
    w = weights()
    bundle = made(trees, tmp_path / "b", {"model.onnx": (1.0, linear(w))})
    assert bundle.margin(rows) == pytest.approx(by(bundle, rows, w), abs=1e-4)
    assert (Bundle.load(tmp_path / "b", "click").predict(rows) == bundle.predict(rows)).all()


def test_a_network_scores_any_number_of_rows_in_runs_of_a_bounded_size(trees: tuple[Path, Bundle], tmp_path: Path) -> None:
    """An evaluation scores hundreds of thousands: what layers hold between them must not grow with them."""
    bundle = made(trees, tmp_path / "b", {"model.onnx": (1.0, linear(w := weights()))})
    (network,) = bundle.members
    assert isinstance(network, Network)
    sizes, session = list[int](), network._session

    class Counted:
        def get_inputs(self) -> Any:
            return session.get_inputs()

        def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> Any:
            sizes.append(len(feed["encoded"]))
            return session.run(outputs, feed)

    x = np.random.default_rng(5).normal(size=(2 * AT_ONCE + 3, K)).astype(np.float32)
    network._session = Counted()
    assert network.logits(x, x) == pytest.approx(x @ w, abs=1e-4) and network.logits(x[:0], x[:0]).shape == (0, 1)
    assert sizes == [AT_ONCE, AT_ONCE, 3, 0]


def test_an_ensemble_is_its_members_mean(trees: tuple[Path, Bundle], rows: np.ndarray, tmp_path: Path) -> None:
    a, forest = weights(seed=1), (trees[0] / "model.ubj").read_bytes()
    bundle = made(trees, tmp_path / "b", {"a.onnx": (0.25, linear(a)), "model.ubj": (0.75, forest)})
    each = np.stack([by(bundle, rows, a), trees[1].margin(rows)])
    assert bundle.margin(rows) == pytest.approx(0.25 * each[0] + 0.75 * each[1], abs=1e-4)


def test_a_further_head_is_answered_by_weights_of_its_own(trees: tuple[Path, Bundle], rows: np.ndarray, tmp_path: Path) -> None:
    """At the first position, without what the first head starts from, by a table of its own."""
    forest = (trees[0] / "model.ubj").read_bytes()
    bundle = made(trees, tmp_path / "b", {"a.onnx": (1.0, linear(weights()))}, {"hide": forest})
    assert bundle.manifest.heads == ("click", "hide") and bundle.manifest.members == (("a.onnx", 1.0),)
    for read in (bundle, Bundle.load(tmp_path / "b", "click")):
        said = read.further("hide", rows)
        assert said is not None
        raw = trees[1].members[0].logits(rows, bundle.encoded(rows))[:, 0]
        assert said == pytest.approx(bundle.tables.overall.apply(raw))
        assert read.further("like", rows) is None
    smoke(tmp_path / "b", "click")


def test_a_further_head_without_its_file_or_its_table_is_refused(trees: tuple[Path, Bundle], tmp_path: Path) -> None:
    forest = (trees[0] / "model.ubj").read_bytes()
    bundle = made(trees, tmp_path / "b", {"model.ubj": (1.0, forest)}, {"hide": forest})
    (tmp_path / "b" / "hide.ubj").write_bytes(forest[:-1] + b"x")
    with pytest.raises(BundleRefused, match=r"hide\.ubj"):
        Bundle.load(tmp_path / "b")
    with pytest.raises(BundleRefused, match="heads"):
        write_bundle(
            tmp_path / "c", bundle.manifest, {"model.ubj": (1.0, forest)}, bundle.encodings, replace(bundle.tables, heads={}),
            others={"hide": forest},
        )  # fmt: skip
    write_manifest(tmp_path / "b", replace(bundle.manifest, heads=("click", "../model")))
    with pytest.raises(BundleRefused, match="manifest"):
        Bundle.load(tmp_path / "b")


def test_a_further_head_that_says_the_same_of_all_is_refused(trees: tuple[Path, Bundle], tmp_path: Path) -> None:
    forest = (trees[0] / "model.ubj").read_bytes()
    rng = np.random.default_rng(2)
    alike = xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(np.zeros((50, K), np.float32), rng.random(50) < 0.5), 2)
    made(trees, tmp_path / "b", {"model.ubj": (1.0, forest)}, {"hide": bytes(alike.save_raw("ubj"))})
    with pytest.raises(BundleRefused, match="head hide"):
        smoke(tmp_path / "b", "click")


def test_contributions_add_up_to_the_margin(trees: tuple[Path, Bundle], rows: np.ndarray, tmp_path: Path) -> None:
    w, forest = weights(seed=3), (trees[0] / "model.ubj").read_bytes()
    bundle = made(trees, tmp_path / "b", {"a.onnx": (0.5, linear(w)), "model.ubj": (0.5, forest)})
    few = rows[:5]
    assert bundle.contributions(few).sum(axis=1) == pytest.approx(bundle.margin(few), abs=1e-3)
    alone = made(trees, tmp_path / "c", {"a.onnx": (1.0, linear(w))})
    shares, terms = alone.contributions(few)[:, :-1], alone.encoded(few) * w[:, 0]
    for encoding in alone.encodings:
        terms[:, encoding.column] += encoding.apply(few[:, encoding.column])
    assert shares == pytest.approx(terms, abs=1e-3), "a linear model's contributions are its terms, and each identity's effect"


def test_a_score_begins_with_the_effects_of_its_identities(trees: tuple[Path, Bundle], rows: np.ndarray, tmp_path: Path) -> None:
    """Those of all columns once, whatever the members are; an identity that nobody has seen has none."""
    bundle = made(trees, tmp_path / "b", {"model.onnx": (1.0, linear(np.zeros((K, 1))))})
    known = rows.copy()
    for encoding in bundle.encodings:
        known[:, encoding.column] = encoding.codes[np.arange(len(rows)) + encoding.column]
    effects = sum(e.apply(known[:, e.column]).astype(float) for e in bundle.encodings)
    assert bundle.margin(known) == pytest.approx(effects, abs=1e-5) and np.ptp(effects) > 0.5
    known[:, [e.column for e in bundle.encodings]] = 1 << 20
    assert bundle.margin(known) == pytest.approx(np.zeros(len(rows)), abs=1e-6)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no graph", "cannot be read"),
        (linear(weights()[:-1]), "declared"),
        (linear(weights(), ("x",)), "is needed"),
        (linear(weights(), output="p"), "is needed"),
        (linear(weights(outputs=2)), "is needed"),
    ],
)
def test_another_network_is_refused(trees: tuple[Path, Bundle], tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(BundleRefused, match=said):
        made(trees, tmp_path / "b", {"model.onnx": (1.0, content)})


@pytest.mark.parametrize("members", [(), (("model.ubj", 0.5),), (("../model.ubj", 1.0),), (("model.pkl", 1.0),), (("model.ubj", -1.0),)])
def test_members_that_make_no_sense_are_refused(trees: tuple[Path, Bundle], tmp_path: Path, members: tuple[tuple[str, float], ...]) -> None:
    bundle = made(trees, tmp_path / "b", {"model.ubj": (1.0, (trees[0] / "model.ubj").read_bytes())})
    write_manifest(tmp_path / "b", replace(bundle.manifest, members=members))
    with pytest.raises(BundleRefused, match="manifest"):
        Bundle.load(tmp_path / "b")
