"""Explicit products of what the subnets say (DCN-V2's cross layers of low rank, Wang et al. 2021)."""

from __future__ import annotations

from typing import Any, Final

from torch import nn

RANK: Final = 32


class Crosses(nn.Module):
    """x (n, width) → (n, 1), by layers of x₀ ⊙ (U V x + b) + x."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.narrow = nn.ModuleList([nn.Linear(width, RANK, bias=False) for _ in range(layers)])
        self.broad = nn.ModuleList([nn.Linear(RANK, width) for _ in range(layers)])
        self.last = nn.Linear(width, 1, bias=False)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Any) -> Any:
        now = x
        for narrow, broad in zip(self.narrow, self.broad, strict=True):
            now = x * broad(narrow(now)) + now
        return self.last(now)
