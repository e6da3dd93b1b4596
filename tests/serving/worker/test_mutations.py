"""Two hundred ways in which a bundle can be wrong, drawn by seed: each is refused and the old one goes on serving."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import pytest
import xgboost as xgb
from onnx import TensorProto, helper, numpy_helper

from feature_repo.home import Home
from feature_repo.services import CLICK
from pipelines.bench.serving.synthetic import catalogue, ranker
from serving.bundles import aliases, write_bundle
from serving.bundles.sealed import read_manifest, write_manifest_file
from serving.bundles.smoke import smoke
from serving.errors import BundleRefused
from serving.settings import Settings
from serving.worker.reload import Reloader
from tests.made import written_again

MUTATIONS: Final = 200
K: Final = len(CLICK.columns)
MODEL, TABLE, ENCODER, TYPICAL, MANIFEST = "model.ubj", "calibrator.json", "encoder.json", "typical.npy", "manifest.json"
Rng = np.random.Generator
Mutation = Callable[[Path, Rng], object]


def network(
    weights: np.ndarray, names: tuple[str, ...] = ("raw", "encoded"), output: str = "logits", dtype: int = TensorProto.FLOAT
) -> bytes:
    """logits = encoded @ weights (k, outputs)."""
    k, outputs = weights.shape
    nodes = [helper.make_node("MatMul", [names[-1], "w"], [output])]
    given = [helper.make_tensor_value_info(n, dtype, ["n", k]) for n in names]
    out = [helper.make_tensor_value_info(output, dtype, ["n", outputs])]
    fixed = [numpy_helper.from_array(weights.astype(np.float64 if dtype == TensorProto.DOUBLE else np.float32), "w")]
    model = helper.make_model(helper.make_graph(nodes, "linear", given, out, fixed), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def good(outputs: int = 1, columns: int = K) -> np.ndarray:
    return np.random.default_rng(6).normal(scale=0.05, size=(columns, outputs)).astype(np.float32)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """By kind: a published catalogue, version 1 serving, and a good version 2 of trees alone, or of a network and trees."""
    root = tmp_path_factory.mktemp("mutations")
    catalogue(root / "snapshots", 60)
    first = ranker(root / "1", trees=4, rows=600)
    second = ranker(root / "2", seed=3, trees=4, rows=600)
    out = {}
    for kind in ("trees", "network"):
        home = Home(root / kind)
        shutil.copytree(root / "snapshots", home.snapshots)
        written_again(first, home.bundles / "click" / "1")
        place, manifest = home.bundles / "click" / "2", replace(second.manifest, version="2")
        if kind == "trees":
            written_again(second, place, manifest)
        else:
            members = {"net.onnx": (0.4, network(good())), MODEL: (0.6, (root / "2" / MODEL).read_bytes())}
            write_bundle(place, manifest, members, second.encodings, second.tables, np.zeros((2, K), np.float32))
        smoke(place, "click")
        shutil.copytree(place, root / f"{kind}-good")
        aliases.write_aliases(home.bundles, {"click": {"champion": "1"}})
        out[kind] = home
    return out


def some_file(folder: Path, rng: Rng) -> Path:
    return Path(rng.choice(sorted(str(p) for p in folder.iterdir())))


def flip_a_bit(folder: Path, rng: Rng) -> str:
    path = some_file(folder, rng)
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content) - 1)] ^= 1 << int(rng.integers(7))  # not the manifest's last newline, which says nothing
    path.write_bytes(content)
    return path.name


def truncate(folder: Path, rng: Rng) -> str:
    path = some_file(folder, rng)
    content = path.read_bytes()
    path.write_bytes(content[: int(rng.integers(len(content) - 1))])
    return path.name


def remove(folder: Path, rng: Rng) -> str:
    path = some_file(folder, rng)
    path.unlink()
    return path.name


def append(folder: Path, rng: Rng) -> str:
    path = some_file(folder, rng)
    path.write_bytes(path.read_bytes() + rng.bytes(3))
    return path.name


def swap_files(folder: Path, rng: Rng) -> str:
    a, b = (Path(p) for p in rng.choice(sorted(str(p) for p in folder.iterdir()), 2, replace=False))
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    return f"{a.name} and {b.name}"


def unsealed(**changes: Any) -> Mutation:
    """An edit by hand: the seal stays as it was."""

    def mutate(folder: Path, rng: Rng) -> str:
        raw = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps({**raw, **changes}))
        return str(changes)[:60]

    return mutate


def edit_the_shares(folder: Path, rng: Rng) -> str:
    raw = json.loads((folder / MANIFEST).read_text())
    raw["members"] = [[name, share * 0.5] for name, share in raw["members"]]
    raw["members"][0][1] += 0.5
    if len(raw["members"]) == 1:
        raw["members"] = [[MODEL, 0.5], ["model2.ubj", 0.5]]
    (folder / MANIFEST).write_text(json.dumps(raw))
    return "shares"


def resealed(change: Callable[[dict[str, Any], Rng], object]) -> Mutation:
    """A manifest that says something else, sealed as if it had been written so."""

    def mutate(folder: Path, rng: Rng) -> object:
        raw = read_manifest(folder)
        told = change(raw, rng)
        write_manifest_file(folder, raw)
        return told or change

    return mutate


def said(**values: Any) -> Mutation:
    return resealed(lambda raw, rng: raw.update(values))


def wrong_order(raw: dict[str, Any], rng: Rng) -> str:
    i, j = rng.choice(K, 2, replace=False)
    raw["columns"][i], raw["columns"][j] = raw["columns"][j], raw["columns"][i]
    return f"columns {i} and {j} swapped"


def missing_feature(raw: dict[str, Any], rng: Rng) -> str:
    i = int(rng.integers(K))
    del raw["columns"][i], raw["kinds"][i]
    return f"column {i} missing"


def extra_feature(raw: dict[str, Any], rng: Rng) -> str:
    i = int(rng.integers(K + 1))
    raw["columns"].insert(i, "another")
    raw["kinds"].insert(i, "numeric")
    return f"another column at {i}"


def renamed_feature(raw: dict[str, Any], rng: Rng) -> str:
    i = int(rng.integers(K))
    raw["columns"][i] += "_v2"
    return f"column {i} renamed"


def another_kind(raw: dict[str, Any], rng: Rng) -> str:
    i = int(rng.integers(K))
    raw["kinds"][i] = "numeric" if raw["kinds"][i] == "category" else "category"
    return f"kind of column {i}"


def lost_field(raw: dict[str, Any], rng: Rng) -> str:
    name = str(rng.choice([n for n in sorted(raw) if n not in ("metrics",)]))  # metrics are for people
    del raw[name]
    return f"no {name}"


def shares_that_do_not_sum(raw: dict[str, Any], rng: Rng) -> None:
    raw["members"][0][1] = float(rng.choice([0.0, -0.5, 0.123, 2.0, float("nan")]))


def a_member_twice(raw: dict[str, Any], rng: Rng) -> None:
    name = raw["members"][0][0]
    raw["members"] = [[name, 0.5], [name, 0.5]]


def forgotten_hash(raw: dict[str, Any], rng: Rng) -> None:
    del raw["files"][str(rng.choice(sorted(raw["files"])))]


def rewritten(name: str, content: Callable[[bytes], bytes]) -> Mutation:
    """A file with other content, its hash and the seal made to fit: only reading and scoring it can tell."""

    def mutate(folder: Path, rng: Rng) -> str:
        (folder / name).write_bytes(content((folder / name).read_bytes()))
        raw = read_manifest(folder)
        raw["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        write_manifest_file(folder, raw)
        return f"{name} rewritten"

    return mutate


def table(**changes: Any) -> Mutation:
    return rewritten(TABLE, lambda old: json.dumps({**json.loads(old), **changes}).encode())


def encoder(change: Callable[[list[dict[str, Any]]], object]) -> Mutation:
    def content(old: bytes) -> bytes:
        raw = json.loads(old)
        change(raw)
        return json.dumps(raw).encode()

    return rewritten(ENCODER, content)


def forest(columns: int, trees: int, label: float = 0.5, nan: bool = False) -> bytes:
    """Trees over another number of columns, or that never split."""
    x = np.random.default_rng(8).normal(size=(60, columns)).astype(np.float32)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 2}, xgb.DMatrix(x, np.full(60, label)), trees)
    if nan:
        raw = json.loads(booster.save_raw("json"))
        for tree in raw["learner"]["gradient_booster"]["model"]["trees"]:
            tree["base_weights"] = [float("nan")] * len(tree["base_weights"])
            tree["split_conditions"] = [float("nan")] * len(tree["split_conditions"])
        booster = xgb.Booster()
        booster.load_model(bytearray(json.dumps(raw).encode()))
    return bytes(booster.save_raw("ubj"))


def saved(array: np.ndarray) -> bytes:
    from io import BytesIO

    out = BytesIO()
    np.save(out, array)
    return out.getvalue()


FLAT: Final = {"margins": [-1e9, 1e9], "probabilities": [0.2, 0.2]}
COMMON: Final[Mapping[str, tuple[int, Mutation]]] = {
    "a bit flipped": (14, flip_a_bit), "cut short": (10, truncate), "a file absent": (4, remove), "bytes more": (4, append),
    "files swapped": (5, swap_files), "shares edited": (2, edit_the_shares),
    "rate edited": (1, unsealed(negative_rate=0.5)), "head edited": (1, unsealed(head="conversion")),
    "feature order": (6, resealed(wrong_order)), "feature missing": (4, resealed(missing_feature)),
    "feature extra": (4, resealed(extra_feature)), "feature renamed": (3, resealed(renamed_feature)),
    "kind": (2, resealed(another_kind)), "field lost": (5, resealed(lost_field)), "field more": (1, said(more=1)),
    "shares": (3, resealed(shares_that_do_not_sum)), "member twice": (1, resealed(a_member_twice)),
    "hash lost": (2, resealed(forgotten_hash)), "dtype": (1, said(dtype="float64")), "input": (1, said(input="feed")),
    "another's input": (1, said(input="conversion")), "head": (1, said(head="conversion", heads=["conversion"])),
    "unknown head": (1, said(head="view", heads=["view"])), "heads": (1, said(heads=["click", "view"])),
    "heads of another": (1, said(heads=["conversion"])), "version": (1, said(version="1")), "format": (1, said(format=99)),
    "rate zero": (1, said(negative_rate=0)), "rate nan": (1, said(negative_rate=float("nan"))),
    "offset nan": (1, said(position_offset={"search": [0.0, float("nan")]})), "offset empty": (1, said(position_offset={"search": []})),
    "member elsewhere": (1, said(members=[["../1/model.ubj", 1.0]])), "member pickled": (1, said(members=[["model.pkl", 1.0]])),
    "no member": (1, said(members=[])),
    "calibrator nan": (1, table(probabilities=[float("nan")], margins=[0.0])),
    "calibrator falls": (1, table(margins=[0, 1], probabilities=[0.9, 0.1])),
    "calibrator flat": (1, table(**FLAT)), "calibrator flat on a surface": (1, table(by_surface={"1": FLAT})),
    "calibrator empty": (1, table(margins=[], probabilities=[])), "calibrator no json": (1, rewritten(TABLE, lambda old: old[:-5])),
    "calibrator a list": (1, rewritten(TABLE, lambda old: b"[]")),
    "evidence nan": (1, encoder(lambda raw: raw[0].update(other=float("nan")))), "no evidence": (1, encoder(lambda raw: raw.pop())),
    "evidence of a number": (1, encoder(lambda raw: raw[0].update(column=0))),
    "evidence beyond": (1, encoder(lambda raw: raw[0].update(column=K))),
    "codes fall": (1, encoder(lambda raw: raw[0]["codes"].reverse())), "values fewer": (1, encoder(lambda raw: raw[0]["values"].pop())),
    "trees of fewer columns": (1, rewritten(MODEL, lambda old: forest(K - 1, 3))),
    "trees that never split": (1, rewritten(MODEL, lambda old: forest(K, 1))),
    "trees of nan": (1, rewritten(MODEL, lambda old: forest(K, 3, nan=True))),
    "trees cut": (1, rewritten(MODEL, lambda old: old[: len(old) // 2])),
    "trees no trees": (1, rewritten(MODEL, lambda old: b"not a forest")),
    "trees a network": (1, rewritten(MODEL, lambda old: network(good()))),
}  # fmt: skip
OF_NETWORKS: Final[Mapping[str, tuple[int, Mutation]]] = {
    "network nan": (1, rewritten("net.onnx", lambda old: network(good() * np.nan))),
    "network constant": (1, rewritten("net.onnx", lambda old: network(good() * 0))),
    "network infinite": (1, rewritten("net.onnx", lambda old: network(good() + np.inf))),
    "network of fewer columns": (1, rewritten("net.onnx", lambda old: network(good(columns=K - 1)))),
    "network's input": (1, rewritten("net.onnx", lambda old: network(good(), names=("x",)))),
    "network's output": (1, rewritten("net.onnx", lambda old: network(good(), output="p"))),
    "network's dtype": (1, rewritten("net.onnx", lambda old: network(good(), dtype=TensorProto.DOUBLE))),
    "network cut": (1, rewritten("net.onnx", lambda old: old[: len(old) // 2])),
    "network a forest": (1, rewritten("net.onnx", lambda old: forest(K, 3))),
    "typical nan": (1, rewritten(TYPICAL, lambda old: saved(np.full((2, K), np.nan, np.float32)))),
    "typical of fewer columns": (1, rewritten(TYPICAL, lambda old: saved(np.zeros((2, K - 1), np.float32)))),
    "typical's dtype": (1, rewritten(TYPICAL, lambda old: saved(np.zeros((2, K))))),
    "typical cut": (1, rewritten(TYPICAL, lambda old: old[:20])),
}


def cases() -> list[tuple[str, str, int, Mutation]]:
    """(kind of bundle, what is wrong, seed, how)."""
    out = []
    for kind, more in (("trees", {}), ("network", OF_NETWORKS)):
        for name, (times, mutate) in {**COMMON, **more}.items():
            out += [(kind, name, i, mutate) for i in range(times)]
    return out


def test_there_are_two_hundred() -> None:
    assert len(cases()) >= MUTATIONS


@pytest.mark.parametrize("kind", ["trees", "network"])
def test_every_mutation_is_refused_and_the_old_one_serves_on(
    kind: str, homes: dict[str, Home], quick_smoke: None, settings_for: Callable[..., Settings]
) -> None:
    home = homes[kind]
    place, sound = home.bundles / "click" / "2", home.root.parent / f"{kind}-good"
    reloader = Reloader(settings_for(home))
    reloader.refresh()
    old = reloader.live
    aliases.write_aliases(home.bundles, {"click": {"champion": "2"}})
    accepted, refusals = [], 0
    for of, name, seed, mutate in cases():
        if of != kind:
            continue
        shutil.rmtree(place)
        shutil.copytree(sound, place)
        told = mutate(place, np.random.default_rng([seed, *name.encode()]))
        reloader.refresh()
        refusals += "click@champion" in reloader.refused
        if reloader.live is not old or "click@champion" not in reloader.refused:
            accepted.append((name, seed, told))
            break
    assert accepted == []
    assert refusals == sum(of == kind for of, *_ in cases())
    shutil.rmtree(place)
    shutil.copytree(sound, place)
    reloader.refresh()
    assert reloader.refused == {} and reloader.live is not old, "the good one is taken up"


@pytest.mark.parametrize(
    ("mutate", "why"),
    [
        (rewritten(MODEL, lambda old: forest(K, 3, nan=True)), "not finite"),
        (rewritten(MODEL, lambda old: forest(K, 1)), "alike"),
        (rewritten("net.onnx", lambda old: network(good() * np.nan)), "not finite"),
        (rewritten("net.onnx", lambda old: network(good() * 0)), "alike"),
    ],
    ids=["trees nan", "trees constant", "network nan", "network constant"],
)
def test_nan_and_constant_scores_are_refused_at_the_smoke_test(homes: dict[str, Home], tmp_path: Path, mutate: Mutation, why: str) -> None:
    place = tmp_path / "2"
    shutil.copytree(homes["network"].root.parent / "network-good", place)
    mutate(place, np.random.default_rng(0))
    with pytest.raises(BundleRefused, match=f"{why}"):
        smoke(place, "click")
