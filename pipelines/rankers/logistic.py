"""The baseline every ranker must beat: logistic regression over scaled columns, identities by their evidence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from pipelines.rankers.fit_bundle import Rows
from pipelines.reporting.progress import advance

WEIGHTS: Final = "model.onnx"
MOST_STEPS: Final = 200
TAIL: Final = 0.005
"""The values of a column are clipped to its quantiles TAIL and 1 - TAIL, so that one extreme value cannot dominate the sum."""


@dataclass(frozen=True)
class Line:
    """logits = clip(encoded, low, high) @ slope + intercept. All (k,) but the intercept."""

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    slope: NDArray[np.float32]
    intercept: float
    rounds: int = 0

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(np.clip(encoded, self.low, self.high).astype(np.float64) @ self.slope + self.intercept)[:, None]

    def weights(self) -> dict[str, tuple[float, bytes]]:
        from onnx import TensorProto, helper, numpy_helper

        tables = {
            "low": self.low, "high": self.high, "slope": self.slope[:, None], "intercept": np.array([self.intercept], np.float32),
        }  # fmt: skip
        nodes = [
            helper.make_node("Max", ["encoded", "low"], ["raised"]),
            helper.make_node("Min", ["raised", "high"], ["bounded"]),
            helper.make_node("MatMul", ["bounded", "slope"], ["sum"]),
            helper.make_node("Add", ["sum", "intercept"], ["logits"]),
        ]
        graph = helper.make_graph(
            nodes, "line",
            [helper.make_tensor_value_info("encoded", TensorProto.FLOAT, ["n", len(self.low)])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1])],
            [numpy_helper.from_array(table, name) for name, table in tables.items()],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 10
        return {WEIGHTS: (1.0, bytes(model.SerializeToString()))}


@dataclass(frozen=True)
class Logistic:
    """penalty: of squared slopes per standard deviation of their column, in rows."""

    name: str = "logistic"
    penalty: float = 10.0
    needs: str = ""

    def learn(self, model: ModelInput, rows: Rows, watch: Rows | None, positives: int, rounds: int = 0) -> Line:
        """Maximum likelihood with the position's log-odds as an offset, which scikit-learn's has no place for."""
        from scipy.optimize import minimize
        from scipy.special import expit

        low, high = (np.quantile(rows.encoded, q, axis=0).astype(np.float32) for q in (TAIL, 1 - TAIL))
        x = np.clip(rows.encoded, low, high)
        centre, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
        scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0.0)
        x = ((x - centre) * scale).astype(np.float32)
        sign = np.where(rows.label, 1.0, -1.0)

        def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            margin = sign * (x @ w[1:].astype(np.float32) + w[0] + rows.offset)
            pull = -sign * expit(-margin)
            value = np.logaddexp(0, -margin).sum() + self.penalty / 2 * w[1:] @ w[1:]
            return float(value) / len(x), np.r_[pull.sum(), pull.astype(np.float32) @ x + self.penalty * w[1:]] / len(x)

        base = float(np.clip(rows.label.mean(), 1e-6, 1 - 1e-6))
        start = np.r_[np.log(base / (1 - base)), np.zeros(x.shape[1])]
        steps = count(1)
        found = minimize(
            loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS, "ftol": 1e-10},
            callback=lambda _: advance(self.name, next(steps), MOST_STEPS),
        ).x  # fmt: skip
        slope = found[1:] * scale
        return Line(low, high, slope.astype(np.float32), float(found[0] - slope @ centre))
