"""User, ad and context side by side from the first layer on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.rankers.deep_family import DeepFamily
from pipelines.rankers.networks.parts import Parts


@dataclass(frozen=True)
class EarlyFusion(DeepFamily):
    """All columns and identities → 256-128-64 → the click."""

    name: str = "early_fusion"
    layers: tuple[int, ...] = (256, 128, 64)

    def network(self, parts: Parts) -> Any:
        from pipelines.rankers.networks.early_fusion_network import EarlyFusionNetwork

        return EarlyFusionNetwork(parts, self.layers, self.buckets, self.width, self.dropout)
