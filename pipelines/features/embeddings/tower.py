"""Two groups of token codes to a unit vector: the mean of their embeddings, and what a small network adds to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class Tower(nn.Module):
    """table: embeddings of the codes, shared by both towers. missing: share of tokens left out in training."""

    def __init__(self, table: nn.Embedding, hidden: int, missing: float) -> None:
        super().__init__()
        self.table, self.missing = table, missing
        width = table.embedding_dim
        self.more = nn.Sequential(nn.Linear(2 * width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def _mean(self, codes: Tensor) -> Tensor:
        held = codes > 0
        if self.training:
            held = held & (torch.rand(codes.shape) >= self.missing)
        weight = held.float()[:, :, None]
        return torch.sum(self.table(codes) * weight, dim=1) / weight.sum(dim=1).clamp(min=1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """first, second: (n, any) codes, 0 for none → (n, width)."""
        a, b = self._mean(first), self._mean(second)
        return normalize(a + b + self.more(torch.cat([a, b], dim=1)), dim=1)
