"""Everything side by side into one stack."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pipelines.rankers.networks.identities import Identities
from pipelines.rankers.networks.parts import Parts
from pipelines.rankers.networks.tower import tower


class EarlyFusionNetwork(nn.Module):
    """dense, codes → (n, 1): a stack over all, and a linear way past it."""

    def __init__(self, parts: Parts, layers: tuple[int, ...], buckets: int, width: int, dropout: float) -> None:
        super().__init__()
        self.ids = Identities(len(parts.ids), buckets, width)
        wide = 2 * len(parts.dense)
        self.deep = tower(wide + self.ids.out, layers, dropout)
        self.last, self.linear = nn.Linear(layers[-1], 1, bias=False), nn.Linear(wide, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(1))
        nn.init.zeros_(self.linear.weight)

    def forward(self, dense: Any, codes: Any, history: Any) -> Any:
        flat = dense.flatten(1)
        return self.last(self.deep(torch.cat([flat, self.ids(codes)], dim=1))) + self.linear(flat) + self.bias
