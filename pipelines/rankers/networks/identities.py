"""Hashed embeddings of identities; one never seen adds nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Identities(nn.Module):
    """codes (n, c) from reading.Reading → (n, c × width). All start at 0, so that a bucket that no row trained says nothing."""

    def __init__(self, count: int, buckets: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.table = nn.Embedding(count * (buckets + 1), width)
        nn.init.zeros_(self.table.weight)
        self.register_buffer("start", torch.arange(count, dtype=torch.int64) * (buckets + 1))
        self.out = count * width

    def forward(self, codes: Any) -> Any:
        known = (codes > 0).to(torch.float32)[:, :, None]
        return (self.table(codes + self.start) * known).flatten(1)
