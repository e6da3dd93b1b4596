"""Where on the page ads may stand, and how good an ad must be to stand there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from serving.engine.stages import Context
from serving.record.request import AdRequest
from serving.snapshot.snapshot import Placement

EMPTY: Final = -1
"""Stands in place of a candidate's number where a slot stays empty."""


@dataclass(frozen=True)
class Slots:
    """thresholds: the least rank score (quality-adjusted eCPM, micros) of each slot, best slot first, never rising. top: how
    many of them stand above the results; the others below."""

    thresholds: tuple[float, ...]
    top: int

    def block(self, position: int) -> str:
        """`top` or `bottom`; positions count from 1."""
        return "top" if position <= self.top else "bottom"


class Layout(Protocol):
    def slots(self, request: AdRequest, context: Context, placement: Placement | None, floor_micros: int) -> Slots: ...


def _count(request: AdRequest, placement: Placement | None) -> int:
    return min(request.slots, placement.slots) if placement else request.slots


class OneBlock:
    """As many slots as were asked for and the placement has; the floor is all that is needed."""

    def slots(self, request: AdRequest, context: Context, placement: Placement | None, floor_micros: int) -> Slots:
        count = _count(request, placement)
        return Slots((0.0,) * count, count)


class TopAndBottom:
    """top: slots above the results, where an ad needs `top_factor` times the floor; who does not reach that may stand below.

    Who wants to know rather than to buy sees fewer ads: the likelier an informational search, the fewer, down to `fewest`.
    """

    def __init__(self, top: int, top_factor: float, fewest: int) -> None:
        self._top, self._factor, self._fewest = top, top_factor, fewest

    def slots(self, request: AdRequest, context: Context, placement: Placement | None, floor_micros: int) -> Slots:
        count = _count(request, placement)
        if context.query is not None and context.query.intent == "informational":
            count = max(round(count * (1 - context.query.intent_probability / 2)), min(self._fewest, count))
        top = min(self._top, count)
        return Slots((floor_micros * self._factor,) * top + (0.0,) * (count - top), top)


def places(rank: NDArray[np.float64], thresholds: Sequence[float]) -> list[int]:
    """Which of the ranked stands in each slot, EMPTY where the next in rank is not good enough for it."""
    out, at = [], 0
    for least in thresholds:
        good = at < len(rank) and rank[at] >= least
        out.append(at if good else EMPTY)
        at += good
    return out
