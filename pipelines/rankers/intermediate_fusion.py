"""A subnet each for user, ad and context, joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pipelines.rankers.deep_family import DeepFamily
from pipelines.rankers.networks.parts import Parts

SUBNETS: Final[dict[str, tuple[int, ...]]] = {"user": (64,), "ad": (128, 64), "context": (32,)}


@dataclass(frozen=True)
class IntermediateFusion(DeepFamily):
    """crosses: layers of the cross network."""

    name: str = "intermediate_fusion"
    joint: tuple[int, ...] = (128, 64)
    crosses: int = 0

    def network(self, parts: Parts) -> Any:
        from pipelines.rankers.networks.intermediate_fusion_network import IntermediateFusionNetwork

        return IntermediateFusionNetwork(parts, SUBNETS, self.joint, self.crosses, self.buckets, self.width, self.dropout)
