"""Several seeds of the best deep family and the trees: their mean, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from pipelines.rankers.deep_family import DeepFamily
from pipelines.rankers.fit_bundle import Learned, RankerFamily, Rows
from pipelines.rankers.intermediate_fusion import IntermediateFusion
from pipelines.rankers.xgboost import Xgboost

TREES_SHARE: Final = 0.5
"""Of the score, where no later rows say how much."""
SHARES: Final = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True)
class TrainedEnsemble:
    """share: the trees' share of the log-odds; the networks have the rest in equal parts."""

    networks: tuple[Learned, ...]
    trees: Learned
    share: float

    @property
    def rounds(self) -> int:
        return self.trees.rounds

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        deep = np.mean([n.logits(raw, encoded) for n in self.networks], axis=0)
        return np.asarray(self.share * self.trees.logits(raw, encoded) + (1 - self.share) * deep)

    def weights(self) -> dict[str, tuple[float, bytes]]:
        each = (1 - self.share) / len(self.networks)
        found = {f"network{i}.onnx": (each, _only(n)) for i, n in enumerate(self.networks)}
        found["trees.ubj"] = (self.share, _only(self.trees))
        return found


def _only(learned: Learned) -> bytes:
    """The one file of a family that is no ensemble."""
    ((_, content),) = learned.weights().values()
    return content


@dataclass(frozen=True)
class DeepEnsemble:
    """seeds: how many networks (Lakshminarayanan et al. 2017). The trees' share is what suits the later rows best."""

    name: str = "deep_ensemble"
    seeds: int = 3
    deep: DeepFamily = field(default_factory=lambda: IntermediateFusion(name="intermediate_fusion_dcn", crosses=2))
    trees: RankerFamily = field(default_factory=Xgboost)
    needs: str = "torch"

    @property
    def _members(self) -> list[DeepFamily]:
        return [replace(self.deep, seed=self.deep.seed + i, name=f"{self.deep.name} {i + 1}") for i in range(self.seeds)]

    def learn(self, model: ModelInput, rows: Rows, watch: Rows | None, positives: int, rounds: int = 0) -> TrainedEnsemble:
        networks = tuple(f.learn(model, rows, watch, positives) for f in self._members)
        trees = self.trees.learn(model, rows, watch, positives, rounds)
        return TrainedEnsemble(networks, trees, TREES_SHARE if watch is None else _best_share(networks, trees, watch))

    def again(self, model: ModelInput, rows: Rows, positives: int, first: Learned) -> TrainedEnsemble:
        """Every member as long as it took the first time, and the share found then."""
        assert isinstance(first, TrainedEnsemble)
        networks = tuple(
            f.learn(model, rows, None, positives, n.rounds) for f, n in zip(self._members, first.networks, strict=True)
        )  # fmt: skip
        return TrainedEnsemble(networks, self.trees.learn(model, rows, None, positives, first.trees.rounds), first.share)


def _best_share(networks: Sequence[Learned], trees: Learned, watch: Rows) -> float:
    """The trees' share with the least log loss on later rows."""
    deep = np.mean([n.logits(watch.raw, watch.encoded)[:, 0] for n in networks], axis=0)
    grown, sign = trees.logits(watch.raw, watch.encoded)[:, 0], np.where(watch.label, -1.0, 1.0)
    loss = [float(np.logaddexp(0, sign * (s * grown + (1 - s) * deep + watch.offset)).mean()) for s in SHARES]
    return float(SHARES[int(np.argmin(loss))])
