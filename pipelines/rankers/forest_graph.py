"""A grown LightGBM forest as an ONNX graph: what serving scores without LightGBM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from pipelines.errors import PipelineError

OPSETS: Final = (("", 17), ("ai.onnx.ml", 3))
IR_VERSION: Final = 10


def forest_graph(dump: Mapping[str, Any], columns: int, base: float) -> bytes:
    """encoded (n, columns) float32 → logits (n, 1): `base` and the leaves. dump: Booster.dump_model() of a forest of numeric splits.

    Thresholds are doubles there and floats here: rounded down, they part float32 values exactly as before.
    Raises PipelineError for a split of another kind.
    """
    from onnx import TensorProto, helper

    nodes: dict[str, list[Any]] = {
        name: []
        for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")
    }
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree, info in enumerate(dump["tree_info"]):
        for node, (found, yes, no) in enumerate(_in_order(info["tree_structure"])):
            split = "split_feature" in found
            if split and found["decision_type"] != "<=":
                raise PipelineError("split of the forest", found["decision_type"], "Only numeric columns can be exported.")
            mode, column, value = ("BRANCH_LEQ", found["split_feature"], _down(found["threshold"])) if split else ("LEAF", 0, 0.0)
            for name, entry in zip(nodes, (tree, node, column, value, mode, yes, no, 0), strict=True):
                nodes[name].append(entry)
            if not split:
                for name, entry in zip(leaves, (tree, node, 0, float(found["leaf_value"])), strict=True):
                    leaves[name].append(entry)
    forest = helper.make_node(
        "TreeEnsembleRegressor", ["encoded"], ["logits"], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        base_values=[base], **{f"nodes_{k}": v for k, v in nodes.items()}, **{f"target_{k}": v for k, v in leaves.items()},
    )  # fmt: skip
    graph = helper.make_graph(
        [forest], "forest",
        [helper.make_tensor_value_info("encoded", TensorProto.FLOAT, ["n", columns])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, version) for domain, version in OPSETS])
    model.ir_version = IR_VERSION
    return bytes(model.SerializeToString())


def _in_order(root: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int, int]]:
    """Each node, breadth first, with the numbers of its two followers; 0 for a leaf."""
    queue = [root]
    for node in queue:
        if "split_feature" in node:
            queue += [node["left_child"], node["right_child"]]
            yield node, len(queue) - 2, len(queue) - 1
        else:
            yield node, 0, 0


def _down(threshold: float) -> float:
    near = np.float32(threshold)
    return float(np.nextafter(near, np.float32(-np.inf))) if float(near) > threshold else float(near)
