"""How a slate came about, exactly: every chance that off-policy evaluation needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import perm


@dataclass(frozen=True, slots=True)
class Lottery:
    """With chance `share` the first slots are dealt at random, in order, from the `among` ads that cleared the floor; else they go
    to `usual`.

    usual: creative by slot, best slot first; "" where a slot stays empty. thresholds: the least rank score (eCPM, micros) of each
    slot, which a dealt slate does not ask for; floor_micros: the placement's least eCPM.
    """

    share: float
    among: int
    usual: tuple[str, ...]
    thresholds: tuple[float, ...]
    floor_micros: int

    @property
    def dealt(self) -> int:
        """Slots that a dealt slate fills: the first ones, as far as there are ads."""
        return min(len(self.usual), self.among)

    def chance(self, slot: int, creative_id: str) -> float:
        """P(that ad in that slot), of an ad that cleared the floor; P(the slot stays empty) for "". Slots count from 0."""
        within = slot < self.dealt
        by_lot = 1 / self.among if creative_id and within else float(not creative_id and not within)
        return (1 - self.share) * (self.usual[slot] == creative_id) + self.share * by_lot

    def slate_chance(self, slate: Sequence[str]) -> float:
        """P(this whole slate), creative by slot, "" where one is empty: 1 / (n (n-1) ... ) for each way to deal n ads."""
        dealable = all((slot < self.dealt) == bool(creative) for slot, creative in enumerate(slate))
        by_lot = 1 / perm(self.among, self.dealt) if dealable else 0.0
        return (1 - self.share) * (tuple(slate) == self.usual) + self.share * by_lot
