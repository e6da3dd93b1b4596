"""A subnet for each modality, joined."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pipelines.rankers.networks.crosses import Crosses
from pipelines.rankers.networks.identities import Identities
from pipelines.rankers.networks.modality_towers import ModalityTowers
from pipelines.rankers.networks.parts import Parts
from pipelines.rankers.networks.tower import tower


class IntermediateFusionNetwork(nn.Module):
    """dense, codes → (n, 1). Subnets' outputs are joined by a stack; a cross network beside it, and a linear way past all."""

    def __init__(
        self, parts: Parts, subnets: dict[str, tuple[int, ...]], joint: tuple[int, ...], crosses: int, buckets: int, width: int,
        dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.ids = Identities(len(parts.ids), buckets, width)
        self.towers = ModalityTowers(parts, subnets, self.ids.width, dropout)
        wide = 2 * len(parts.dense)
        self.joint = tower(self.towers.out, joint, dropout)
        self.crosses = Crosses(self.towers.out, crosses) if crosses else None
        self.last = nn.Parameter(torch.randn(1, joint[-1]) / joint[-1] ** 0.5)
        self.linear = nn.Linear(wide, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(1))
        nn.init.zeros_(self.linear.weight)

    def forward(self, dense: Any, codes: Any, history: Any) -> Any:
        fused = torch.cat(self.towers(dense, self.ids(codes)), dim=1)
        out = self.linear(dense.flatten(1)) + self.bias + self.joint(fused) @ self.last.T
        return out if self.crosses is None else out + self.crosses(fused)
