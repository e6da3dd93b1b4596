"""A subnet each for user, ad and context, joined, with heads for the click and what may come with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pipelines.rankers.deep_family import DeepFamily
from pipelines.rankers.fit_bundle import Rows
from pipelines.rankers.networks.parts import Parts

if TYPE_CHECKING:
    from pipelines.rankers.networks.fitting import Loss

SUBNETS: Final[dict[str, tuple[int, ...]]] = {"user": (64,), "ad": (128, 64), "context": (32,)}


@dataclass(frozen=True)
class IntermediateFusion(DeepFamily):
    """experts: how many share the work of joining, with a gate a head (0: one stack). crosses: layers of the cross network."""

    name: str = "intermediate_fusion"
    joint: tuple[int, ...] = (128, 64)
    experts: int = 0
    crosses: int = 0

    def heads(self, rows: Rows) -> tuple[str, ...]:
        return ("click", *rows.others) if rows.others else ()

    def network(self, parts: Parts, heads: tuple[str, ...], thin: bool) -> Any:
        from pipelines.rankers.networks.intermediate_fusion_network import IntermediateFusionNetwork

        return IntermediateFusionNetwork(
            parts, max(len(heads), 1), SUBNETS, self.joint, self.experts, self.crosses, self.buckets, self.width, self.dropout
        )

    def loss(self, heads: tuple[str, ...]) -> Loss:
        from pipelines.rankers.networks.entire_space import entire_space_loss

        return entire_space_loss(heads)
