"""From a trained network to ONNX bytes that have been seen to give the same answers."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipelines.errors import PipelineError
from pipelines.rankers.networks.input_reading import InputReading
from serving.bundles.network import INPUTS, OUTPUT

OPSET: Final = 18
APART: Final = 1e-4
"""Most that torch and onnxruntime may differ by, in log-odds."""
COMPARED: Final = 512


class Whole(nn.Module):
    """What is served: the reading and the network, from the bundle's columns to log-odds."""

    def __init__(self, reading: InputReading, network: nn.Module) -> None:
        super().__init__()
        self.reading, self.network = reading, network

    def forward(self, raw: Any, encoded: Any) -> Any:
        return self.network(self.reading.dense(encoded), self.reading.codes(raw), self.reading.history(raw))


def exported(whole: Whole, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> bytes:
    """The ONNX file's bytes. raw, encoded: some rows, on which onnxruntime must agree with torch within APART; else PipelineError."""
    import onnxruntime as ort

    rows = torch.from_numpy(np.ascontiguousarray(raw[:COMPARED])), torch.from_numpy(np.ascontiguousarray(encoded[:COMPARED]))
    whole.eval()
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather export by tracing bytecode, which takes fifty times as long
        torch.onnx.export(
            whole, rows, buffer, input_names=list(INPUTS), output_names=[OUTPUT], dynamo=False, opset_version=OPSET,
            dynamic_axes={name: {0: "batch"} for name in (*INPUTS, OUTPUT)},
        )  # fmt: skip
    content = buffer.getvalue()
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    there = {i.name for i in session.get_inputs()}
    feed = {name: part.numpy() for name, part in zip(INPUTS, rows, strict=True) if name in there}
    with torch.no_grad():
        gap = float(np.abs(session.run([OUTPUT], feed)[0] - whole(*rows).numpy()).max())
    if not gap <= APART:
        raise PipelineError("exported network", f"{gap:.2g} apart", f"onnxruntime and torch must agree within {APART}; report this.")
    return content
