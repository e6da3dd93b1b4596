"""One stack for each group of columns."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pipelines.rankers.networks.parts import Parts
from pipelines.rankers.networks.tower import tower


class ModalityTowers(nn.Module):
    """dense (n, m, 2), embeddings (n, ids × width) → a list of (n, last layer), one for each of `subnets`, in their order."""

    def __init__(self, parts: Parts, subnets: dict[str, tuple[int, ...]], width: int, dropout: float) -> None:
        super().__init__()
        self.stacks = nn.ModuleList()
        for i, (name, layers) in enumerate(subnets.items()):
            columns, ids = parts.groups[name], parts.group_ids[name]
            spread = [j * width + k for j in ids for k in range(width)]
            self.register_buffer(f"columns_{i}", torch.tensor(columns, dtype=torch.int64))
            self.register_buffer(f"ids_{i}", torch.tensor(spread, dtype=torch.int64))
            self.stacks.append(tower(2 * len(columns) + len(spread), layers, dropout))
        self.out = sum(layers[-1] for layers in subnets.values())

    def forward(self, dense: Any, embedded: Any) -> list[Any]:
        outs = []
        for i, stack in enumerate(self.stacks):
            own = torch.index_select(dense, 1, getattr(self, f"columns_{i}")).flatten(1)
            outs.append(stack(torch.cat([own, torch.index_select(embedded, 1, getattr(self, f"ids_{i}"))], dim=1)))
        return outs
