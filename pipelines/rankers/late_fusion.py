"""Separate models of user, ad and context; one probability from theirs, by fixed shares or by a learned meta-model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pipelines.rankers.deep_family import DeepFamily
from pipelines.rankers.networks.parts import Parts

if TYPE_CHECKING:
    from pipelines.rankers.networks.fitting import Loss

SUBNETS: Final[dict[str, tuple[int, ...]]] = {"user": (64, 32), "ad": (128, 64), "context": (64, 32)}
SHARES: Final = (0.4, 0.4, 0.2)
"""Of user, ad and context."""


@dataclass(frozen=True)
class LateFusion(DeepFamily):
    """meta: learns what to make of the models' predictions and confidences, instead of SHARES."""

    name: str = "late_fusion"
    meta: bool = False

    def network(self, parts: Parts) -> Any:
        from pipelines.rankers.networks.late_fusion_network import LateFusionNetwork

        return LateFusionNetwork(parts, SUBNETS, SHARES, self.meta, self.buckets, self.width, self.dropout)

    def loss(self) -> Loss:
        from pipelines.rankers.networks.stacked import separate_loss, stacked_loss

        return stacked_loss if self.meta else separate_loss
