"""What every deep family shares: how it trains, how it leaves as ONNX, and how thin data is met."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from pipelines.rankers.encoding import SMALL
from pipelines.rankers.fit_bundle import Rows
from pipelines.rankers.networks.parts import Parts

if TYPE_CHECKING:
    from pipelines.rankers.networks.fitting import Loss, Plan

WEIGHTS: Final = "model.onnx"
THIN_EPOCHS: Final = 4


@dataclass(frozen=True)
class TrainedNetwork:
    """whole: exporting.Whole. raw, encoded: some rows to compare the exported file on."""

    whole: Any
    rounds: int
    raw: NDArray[np.float32]
    encoded: NDArray[np.float32]

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        import torch

        with torch.no_grad():
            parts = [
                self.whole(torch.from_numpy(np.ascontiguousarray(raw[i : i + 16_384])), torch.from_numpy(encoded[i : i + 16_384]))
                for i in range(0, len(raw), 16_384)
            ]
            return np.asarray(torch.cat(parts).numpy(), np.float64)

    @cached_property
    def content(self) -> bytes:
        from pipelines.rankers.networks.exporting import exported

        return exported(self.whole, self.raw, self.encoded)

    def weights(self) -> dict[str, tuple[float, bytes]]:
        return {WEIGHTS: (1.0, self.content)}


@dataclass(frozen=True)
class DeepFamily(ABC):
    """A network family. epochs: of the whole schedule; patience: epochs without a better loss on later rows that end it. rate,
    decay: AdamW's. missing: share of rows that a modality is taken from. buckets, width: of the identities' embeddings.
    """

    name: str
    epochs: int = 8
    patience: int = 2
    batch: int = 4096
    rate: float = 2e-3
    decay: float = 0.05
    dropout: float = 0.1
    missing: float = 0.05
    buckets: int = 2**14
    width: int = 8
    seed: int = 7
    threads: int = 1
    needs: str = "torch"

    @abstractmethod
    def network(self, parts: Parts) -> Any:
        """A fresh torch module: dense, codes, history → (n, 1), in training perhaps with more columns for its loss; its `bias` holds a
        constant."""

    def loss(self) -> Loss:
        from pipelines.rankers.networks.fitting import click_loss

        return click_loss

    def in_use(self, positives: int) -> dict[str, float]:
        """With few positives a shorter schedule and stronger regularisation."""
        thin = positives < SMALL
        return {
            "epochs": min(THIN_EPOCHS, self.epochs) if thin else self.epochs, "decay": max(self.decay, 1.0) if thin else self.decay,
        }  # fmt: skip

    def plan(self, positives: int) -> Plan:
        """How to train."""
        from pipelines.rankers.networks.fitting import Plan

        used = self.in_use(positives)
        return Plan(
            epochs=int(used["epochs"]), patience=self.patience, batch=self.batch, rate=self.rate, decay=used["decay"],
            missing=self.missing, seed=self.seed, threads=self.threads,
        )  # fmt: skip

    def learn(self, model: ModelInput, rows: Rows, watch: Rows | None, positives: int, rounds: int = 0) -> TrainedNetwork:
        import torch

        from pipelines.rankers.networks.exporting import Whole
        from pipelines.rankers.networks.fitting import PreparedRows, fit, repeatable
        from pipelines.rankers.networks.input_reading import InputReading

        parts, plan = Parts.of(model), self.plan(positives)
        with repeatable(self.seed, self.threads):
            reading = InputReading(parts, rows.encoded, self.buckets)
            network = self.network(parts)
            base = float(np.clip(rows.label.mean(), 1e-6, 1 - 1e-6))
            with torch.no_grad():
                network.bias[0] = float(np.log(base / (1 - base)) - rows.offset.mean())
            later = None if watch is None else PreparedRows.of(reading, watch)
            took = fit(self.name, network, parts, PreparedRows.of(reading, rows), later, self.loss(), plan, rounds)
        some = np.linspace(0, len(rows.label) - 1, min(512, len(rows.label))).astype(int)
        return TrainedNetwork(Whole(reading, network).eval(), took, rows.raw[some], rows.encoded[some])
