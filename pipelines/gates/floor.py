"""What must hold on every slice of the judged rows, so that a gain on one does not pay for a loss on another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pipelines.gates.gate import Verdict

PLACE: Final = "place"
"""A column that floors may name: the surface with the position on it, such as "feed 3"."""


@dataclass(frozen=True)
class Floor:
    """A condition on every slice of a column with enough positives, judged by 95 % intervals: there are many slices, and one of twenty is
    off by luck.

    ratio: a band that the calibration ratio's interval must reach into. at_most: what that of the normalised entropy must reach down to.
    worse_by: what that of its difference to the logistic baseline's must reach down to, and to the champion's where there is one.
    """

    column: str
    ratio: tuple[float, float]
    at_most: float | None = None
    worse_by: float | None = None
    least_positives: int = 100

    def verdicts(self, found: Slice) -> Iterator[Verdict]:
        """Of one slice: its entropy where that is bounded, its calibration."""
        where = f"of {found.column} {found.value}"
        if self.at_most is not None:
            yield self._entropy(self.at_most, found, f"normalised_entropy {where}")
        low, high = self.ratio
        bound = f"interval meets {low:g} to {high:g} (95 % interval {found.ratio_low:.4g} to {found.ratio_high:.4g})"
        held = found.ratio_low <= high and found.ratio_high >= low
        yield Verdict(f"calibration_ratio {where}", None, found.ratio, bound, held)

    def _entropy(self, at_most: float, found: Slice, gate: str) -> Verdict:
        bounds, passed = [f"≤ {at_most:g} (95 % interval {found.low:.4g} to {found.high:.4g})"], found.low <= at_most
        rivals = (("baseline", found.over_low, found.over_high), ("champion", found.trails_low, found.trails_high))
        for rival, low, high in rivals:
            if self.worse_by is not None and low is not None:
                bounds.append(f"trails the {rival} by ≤ {self.worse_by:g} ({low:+.4g} to {high:+.4g})")
                passed &= low <= self.worse_by
        return Verdict(gate, found.champion, found.entropy, ", ".join(bounds), passed)


@dataclass(frozen=True)
class Slice:
    """The rows of one slice: the challenger's normalised entropy and calibration ratio with their 95 % intervals; the interval of its
    entropy over that of the logistic baseline; the champion's entropy, and the interval of challenger minus champion (None without a
    champion). Differences are paired."""

    column: str
    value: str
    positives: int
    entropy: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    over_low: float
    over_high: float
    champion: float | None = None
    trails_low: float | None = None
    trails_high: float | None = None

    def beside(self, champion: float, low: float, high: float) -> Slice:
        """The same slice with the champion's entropy, and the interval of challenger minus champion."""
        return replace(self, champion=champion, trails_low=low, trails_high=high)
