"""A network as ONNX, run by onnxruntime: inputs `raw` and `encoded`, both (n, k) float32; output `logits`, (n, 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serving.errors import BundleRefused

INPUTS: Final = ("raw", "encoded")
OUTPUT: Final = "logits"
FLOAT: Final = "tensor(float)"
AT_ONCE: Final = 8_192
"""Rows scored in one run: what the layers hold between them would fill the memory for those of a whole evaluation."""


class Network:
    """One session. typical: (2, k) float32, the usual raw and encoded value of each column: what a column is set to, to see what
    it contributes."""

    def __init__(self, session: Any, typical: NDArray[np.float32]) -> None:
        self._session, self._typical = session, typical

    @classmethod
    def load(cls, path: Path, typical: NDArray[np.float32], threads: int) -> Network:
        """Reads weights. Raises BundleRefused when they are no such network, or read another number of columns."""
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4  # what fails is raised
        # Idle threads that spin would take the core from the request's other work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base
            raise BundleRefused("bundle weights", path.name, f"They cannot be read: {error}") from None
        given = {i.name: i.shape for i in session.get_inputs()}
        found = [o.name for o in session.get_outputs()]
        shape = session.get_outputs()[0].shape
        columns = typical.shape[1]
        if not set(given) <= set(INPUTS) or not given or found != [OUTPUT] or shape[1:] != [1]:
            raise BundleRefused("bundle weights", f"{sorted(given)} → {found} {shape}", f"{INPUTS} → {OUTPUT} (n, 1) is needed.")
        if any(len(s) != 2 or s[1] != columns for s in given.values()):
            raise BundleRefused("bundle weights", f"{given} columns", f"{columns} are declared; train again.")
        if (kinds := {t.type for t in (*session.get_inputs(), *session.get_outputs())}) != {FLOAT}:
            raise BundleRefused("bundle weights", f"{sorted(kinds)}", f"{FLOAT} is needed, in and out.")
        return cls(session, typical)

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        given = {"raw": raw, "encoded": encoded}
        names = [i.name for i in self._session.get_inputs()]
        blocks = [slice(start, start + AT_ONCE) for start in range(0, max(len(raw), 1), AT_ONCE)]
        feeds = ({name: np.ascontiguousarray(given[name][block], np.float32) for name in names} for block in blocks)
        return np.concatenate([self._session.run([OUTPUT], feed)[0] for feed in feeds]).astype(np.float64)

    def contributions(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        """Occlusion (Zeiler and Fergus 2014): what is lost when a column takes its usual value; what columns do together is left
        to the last."""
        k = raw.shape[1]
        out = np.empty((len(raw), k + 1))
        at = np.arange(k)
        for i, (codes, values) in enumerate(zip(raw, encoded, strict=True)):
            each = np.repeat(codes[None, :], k + 1, axis=0), np.repeat(values[None, :], k + 1, axis=0)
            for rows, usual in zip(each, self._typical, strict=True):
                rows[at, at] = usual
            score = self.logits(*each)[:, 0]
            out[i, :k] = score[k] - score[:k]
            out[i, k] = score[k] - out[i, :k].sum()
        return out
