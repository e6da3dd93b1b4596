"""How a request's deadline is divided among the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

STAGES: Final = ("sourcing", "recall", "integrity", "precision", "delivery")


@dataclass(frozen=True)
class StageShares:
    """When each stage should be over. A stage that needs less leaves the rest to those after it, so what counts is the sum up to a stage's
    end. shares: of the deadline, in the order of STAGES; together 1. Waiting for a turn and understanding the request count as sourcing."""

    shares: tuple[float, ...]

    @staticmethod
    def used(stage_ms: Mapping[str, float], tmax_ms: float) -> dict[str, float]:
        """The share of a deadline that each stage took. stage_ms: as the decision record has it."""
        out = dict.fromkeys(STAGES, 0.0)
        for stage, ms in stage_ms.items():
            out[stage if stage in out else STAGES[0]] += ms / tmax_ms
        return out

    @property
    def by_stage(self) -> dict[str, float]:
        return dict(zip(STAGES, self.shares, strict=True))

    @property
    def ends(self) -> dict[str, float]:
        """The share of the deadline that may be gone when a stage ends."""
        return dict(zip(STAGES, accumulate(self.shares), strict=True))
