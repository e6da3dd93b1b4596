"""By which chances a slate came about: all the probabilities that off-policy evaluation needs follow from a Lottery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import perm


@dataclass(frozen=True, slots=True)
class Lottery:
    """How the slots of one page were filled. With probability `share` the page was dealt: `among` ads had cleared the floor, and the
    first slots got some of them, drawn at random without replacement. Otherwise the slots got the ads in `usual`.

    usual: the creative in each slot, best slot first; "" where a slot stays empty. thresholds: the least rank score (eCPM, micros) of
    each slot, which a dealt page does not ask for. floor_micros: the placement's least eCPM.

    Two slots, three ads over the floor, one page in ten dealt. Ad "a" is in the first slot usually (0.9), and in a third of dealt pages:

    >>> lottery = Lottery(share=0.1, among=3, usual=("a", "b"), thresholds=(0.0, 0.0), floor_micros=50_000)
    >>> round(lottery.chance(0, "a"), 4), round(lottery.chance(0, "c"), 4)
    (0.9333, 0.0333)

    A dealt page has 3 × 2 outcomes, each as likely:

    >>> round(lottery.slate_chance(["a", "b"]), 4), round(lottery.slate_chance(["c", "a"]), 4)
    (0.9167, 0.0167)
    """

    share: float
    among: int
    usual: tuple[str, ...]
    thresholds: tuple[float, ...]
    floor_micros: int

    @property
    def dealt(self) -> int:
        """How many slots a dealt page fills: the first ones, as many as there are ads."""
        return min(len(self.usual), self.among)

    def chance(self, slot: int, creative_id: str) -> float:
        """The probability that a slot (from 0) shows this ad, which must have cleared the floor; for "", that it stays empty."""
        within = slot < self.dealt
        by_lot = 1 / self.among if creative_id and within else float(not creative_id and not within)
        return (1 - self.share) * (self.usual[slot] == creative_id) + self.share * by_lot

    def slate_chance(self, slate: Sequence[str]) -> float:
        """The probability of a whole page. slate: the creative in each slot, "" where a slot is empty. Each of the n (n - 1) ... ways to
        deal n ads is equally likely."""
        dealable = all((slot < self.dealt) == bool(creative) for slot, creative in enumerate(slate))
        by_lot = 1 / perm(self.among, self.dealt) if dealable else 0.0
        return (1 - self.share) * (tuple(slate) == self.usual) + self.share * by_lot
