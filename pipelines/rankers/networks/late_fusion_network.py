"""Three models that know nothing of each other, and one number from theirs."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import nn

from pipelines.rankers.networks.identities import Identities
from pipelines.rankers.networks.modality_towers import ModalityTowers
from pipelines.rankers.networks.parts import Parts

LEAST: Final = 1e-7


class LateFusionNetwork(nn.Module):
    """dense, codes → (n, 1); in training (n, 1 + models): what is made of them, then each model's own log-odds.

    shares: of each model's probability in the mean. meta: a small network on the models' log-odds and confidences (the entropy of
    each) instead; its gradient does not reach the models.
    """

    def __init__(
        self, parts: Parts, subnets: dict[str, tuple[int, ...]], shares: tuple[float, ...], meta: bool, buckets: int, width: int,
        dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.ids = Identities(len(parts.ids), buckets, width)
        self.towers = ModalityTowers(parts, subnets, width, dropout)
        self.lasts = nn.ModuleList([nn.Linear(layers[-1], 1, bias=False) for layers in subnets.values()])
        self.bias = nn.Parameter(torch.zeros(1))
        self.register_buffer("shares", torch.tensor(shares, dtype=torch.float32))
        count = len(subnets)
        self.meta = nn.Sequential(nn.Linear(2 * count, 16), nn.SiLU(), nn.Linear(16, 1)) if meta else None
        self.straight = nn.Linear(count, 1) if meta else None
        if self.straight is not None:
            with torch.no_grad():
                self.straight.weight.copy_(self.shares[None, :])

    def forward(self, dense: Any, codes: Any, history: Any) -> Any:
        said = self.towers(dense, self.ids(codes))
        own = torch.cat([last(x) for last, x in zip(self.lasts, said, strict=True)], dim=1) + self.bias
        fused = self.fused(own.detach())
        return torch.cat([fused, own], dim=1) if self.training else fused

    def fused(self, own: Any) -> Any:
        """One column of log-odds from the models'."""
        p = torch.sigmoid(own)
        if self.meta is None or self.straight is None:
            mean = torch.clamp((p * self.shares).sum(dim=1, keepdim=True), LEAST, 1 - LEAST)
            return torch.log(mean) - torch.log(1 - mean)
        kept = torch.clamp(p, LEAST, 1 - LEAST)
        entropy = -(kept * torch.log(kept) + (1 - kept) * torch.log(1 - kept))
        return self.straight(own) + self.meta(torch.cat([own, entropy], dim=1))
