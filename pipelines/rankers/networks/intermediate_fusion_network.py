"""A subnet for each modality, joined, with a head for each thing that may happen."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pipelines.rankers.networks.crosses import Crosses
from pipelines.rankers.networks.experts import Experts
from pipelines.rankers.networks.identities import Identities
from pipelines.rankers.networks.modality_towers import ModalityTowers
from pipelines.rankers.networks.parts import Parts
from pipelines.rankers.networks.tower import tower


class IntermediateFusionNetwork(nn.Module):
    """dense, codes → (n, heads). Subnets' outputs are joined by a stack, or for each head by its own mix of expert stacks; a
    cross network beside it, and a linear way past all."""

    def __init__(
        self, parts: Parts, heads: int, subnets: dict[str, tuple[int, ...]], joint: tuple[int, ...], experts: int, crosses: int,
        buckets: int, width: int, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.ids = Identities(len(parts.ids), buckets, width)
        self.towers = ModalityTowers(parts, subnets, self.ids.width, dropout)
        wide = 2 * len(parts.dense)
        self.mixed = experts > 0
        self.joint = Experts(self.towers.out, joint, experts, heads, dropout) if experts else tower(self.towers.out, joint, dropout)
        self.crosses = Crosses(self.towers.out, crosses, heads) if crosses else None
        self.last = nn.Parameter(torch.randn(heads, joint[-1]) / joint[-1] ** 0.5)
        self.linear = nn.Linear(wide, heads, bias=False)
        self.bias = nn.Parameter(torch.full((heads,), -3.0))
        nn.init.zeros_(self.linear.weight)

    def forward(self, dense: Any, codes: Any, history: Any) -> Any:
        fused = torch.cat(self.towers(dense, self.ids(codes)), dim=1)
        out = self.linear(dense.flatten(1)) + self.bias
        joined = self.joint(fused)
        out = out + ((joined * self.last).sum(dim=2) if self.mixed else joined @ self.last.T)
        return out if self.crosses is None else out + self.crosses(fused)
