"""Target attention over what the user did last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.rankers.deep_family import DeepFamily
from pipelines.rankers.fit_bundle import ReadsHistory
from pipelines.rankers.networks.parts import Parts


@dataclass(frozen=True)
class BehaviourTransformer(ReadsHistory, DeepFamily):
    """size: of the embeddings of actions and candidates."""

    name: str = "behaviour_transformer"
    layers: tuple[int, ...] = (256, 128, 64)
    size: int = 16

    def network(self, parts: Parts) -> Any:
        from pipelines.rankers.networks.behaviour_network import BehaviourNetwork

        return BehaviourNetwork(parts, parts.candidate, self.size, self.layers, self.buckets, self.width, self.dropout)
