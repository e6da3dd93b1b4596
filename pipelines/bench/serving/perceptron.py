"""An untrained network of the usual size as ONNX: for what it costs, not for what it says."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS: Final = (256, 128, 64)
OPSET: Final = 17
IR: Final = 10


def perceptron(columns: int, seed: int = 0, layers: tuple[int, ...] = LAYERS) -> bytes:
    """`encoded` (n, columns) → ReLU layers → `logits` (n, 1), with weights drawn at random (He et al. 2015)."""
    rng, nodes, fixed, before, width = np.random.default_rng(seed), [], [], "encoded", columns
    for i, size in enumerate((*layers, 1)):
        last = i == len(layers)
        fixed.append(numpy_helper.from_array((rng.normal(size=(width, size)) * np.sqrt(2 / width)).astype(np.float32), f"w{i}"))
        fixed.append(numpy_helper.from_array(np.zeros(size, np.float32), f"b{i}"))
        nodes.append(helper.make_node("Gemm", [before, f"w{i}", f"b{i}"], ["logits" if last else f"h{i}"]))
        if not last:
            nodes.append(helper.make_node("Relu", [f"h{i}"], [f"a{i}"]))
        before, width = f"a{i}", size
    given = [helper.make_tensor_value_info("encoded", TensorProto.FLOAT, ["n", columns])]
    out = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1])]
    model = helper.make_model(helper.make_graph(nodes, "perceptron", given, out, fixed), opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
