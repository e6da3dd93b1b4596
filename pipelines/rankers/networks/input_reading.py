"""From the bundle's columns to what a network computes with; part of the graph, its constants stand in the ONNX file."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipelines.rankers.networks.parts import Parts

KNOTS: Final = 9
"""Quantiles that a column's rank is read between."""
WIDEST: Final = 4.0
"""Standard deviations at which a squashed number is cut."""
SEEN: Final = 50_000
"""Rows that the constants are learned from."""


class InputReading(nn.Module):
    """raw, encoded (n, k) → dense (n, m, 2), codes (n, ids) and, of inputs with a history, its columns (n, h).

    dense: of each column asinh of its robust standard score, and its rank between quantiles less a half: heavy tails lose their
    weight both ways; 0 is the usual value. codes: 1 + code % buckets; 0 is kept for an identity that is taken away.
    """

    def __init__(self, parts: Parts, encoded: NDArray[np.float32], buckets: int) -> None:
        super().__init__()
        at = np.linspace(0, len(encoded) - 1, min(SEEN, len(encoded))).astype(int)
        x = encoded[at][:, parts.dense].astype(np.float64)
        knots = np.quantile(x, np.linspace(0.02, 0.98, KNOTS), axis=0).T
        centre = np.median(x, axis=0)
        scale = (np.quantile(x, 0.84, axis=0) - np.quantile(x, 0.16, axis=0)) / 2
        scale = np.where(scale > 1e-6, scale, np.maximum(x.std(axis=0), 1e-3))
        gap = np.maximum(np.diff(knots, axis=1), 1e-6 + 1e-3 * scale[:, None])  # ties become a step

        def fixed(name: str, value: Any, kind: Any = torch.float32) -> None:
            self.register_buffer(name, torch.tensor(np.asarray(value), dtype=kind))

        fixed("centre", centre)
        fixed("scale", scale)
        fixed("low", knots[:, :-1])
        fixed("gap", gap)
        usual = np.clip((centre[:, None] - knots[:, :-1]) / gap, 0, 1).mean(axis=1)
        fixed("usual", usual)
        fixed("dense_at", parts.dense, torch.int64)
        fixed("ids_at", parts.ids, torch.int64)
        fixed("history_at", parts.history, torch.int64)
        self.buckets = buckets

    def dense(self, encoded: Any) -> Any:
        x = torch.index_select(encoded, 1, self.dense_at)
        apart = (x - self.centre) / self.scale
        # asinh, which the exporter has no word for
        score = torch.clamp(torch.sign(apart) * torch.log(torch.abs(apart) + torch.sqrt(apart * apart + 1.0)), -WIDEST, WIDEST)
        rank = torch.clamp((x[:, :, None] - self.low) / self.gap, 0.0, 1.0).mean(dim=2) - self.usual
        return torch.stack([score, 2.0 * rank], dim=2)

    def codes(self, raw: Any) -> Any:
        whole = torch.clamp(torch.index_select(raw, 1, self.ids_at), 0.0, 2.0**24).to(torch.int64)
        return 1 + torch.remainder(whole, self.buckets)

    def history(self, raw: Any) -> Any:
        return torch.index_select(raw, 1, self.history_at)
