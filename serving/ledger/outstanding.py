"""What a campaign's shown ads may still cost: the claim on its budget of ads that were shown and not charged yet.

A shown ad is charged with a certain chance, soon after it was shown or not at all. Its claim fades: t seconds later the chance that is
left is chance × exp(-t / fade), as if the delays of clicks were exponential. Many ads together claim about the sum of chance × price; what
they claim at most is that sum and CERTAIN standard deviations.

To hold each ad's whole price would hold fifty times what is due where one ad in fifty is clicked, and no budget could be spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt
from typing import Final

CERTAIN: Final = 3.0
"""Standard deviations above the mean: what is claimed stays below it in 99.9 % of cases."""


@dataclass(frozen=True)
class Outstanding:
    """The claims of a campaign's shown ads at one moment. mean, variance: of what will be charged, micros and micros squared. at: the
    moment, seconds since 1970.

    One ad of 400,000 micros, clicked with a chance of 0.02 if ever, claims 176,000 at most; half an hour later, and its clicks come
    after half an hour on average, it is less likely to claim anything:

    >>> fresh = Outstanding().adding(price=400_000, chance=0.02, fade=1800, at=0.0)
    >>> round(fresh.most), round(fresh.until(1800.0, fade=1800).most)
    (176000, 104840)
    """

    mean: float = 0.0
    variance: float = 0.0
    at: float = 0.0

    @property
    def most(self) -> float:
        """Micros that will hardly be exceeded."""
        return self.mean + CERTAIN * sqrt(self.variance)

    def until(self, at: float, fade: float) -> Outstanding:
        """The claims at a later moment; at an earlier one, as a clock that runs behind says it, they are what they were."""
        share = exp(-max(at - self.at, 0.0) / fade)
        return Outstanding(self.mean * share, self.variance * share, max(at, self.at))

    def adding(self, price: int, chance: float, fade: float, at: float) -> Outstanding:
        """With the claim of one more ad."""
        now = self.until(at, fade)
        return Outstanding(now.mean + chance * price, now.variance + chance * (1 - chance) * price * price, now.at)

    def without(self, price: int, chance: float, fade: float, shown: float, at: float) -> Outstanding:
        """Without the claim of an ad that was shown at `shown` and has been charged."""
        now, share = self.until(at, fade), exp(-max(at - shown, 0.0) / fade)
        return Outstanding(
            max(now.mean - share * chance * price, 0.0), max(now.variance - share * chance * (1 - chance) * price * price, 0.0), now.at
        )
