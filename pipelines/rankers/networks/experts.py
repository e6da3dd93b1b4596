"""Experts with a gate for each head (MMoE, Ma et al. 2018)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pipelines.rankers.networks.tower import tower


class Experts(nn.Module):
    """x (n, width) → (n, heads, last layer): for each head its own mix of what the experts say."""

    def __init__(self, width: int, layers: tuple[int, ...], experts: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.experts = nn.ModuleList([tower(width, layers, dropout) for _ in range(experts)])
        self.gate = nn.Linear(width, heads * experts)
        self.shape = (-1, heads, experts)

    def forward(self, x: Any) -> Any:
        said = torch.stack([expert(x) for expert in self.experts], dim=1)
        return torch.softmax(self.gate(x).reshape(self.shape), dim=2) @ said
