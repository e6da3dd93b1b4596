"""One condition on a figure of a challenger, alone and beside the champion, and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Ends = tuple[float, float]
"""Low and high end of a figure's 95 % interval, or of a band; infinite where there is none."""
NO_END: Final = float("inf")
ROUNDING: Final = 5e-7
"""A difference up to this is none: weights are written in single precision."""


@dataclass(frozen=True)
class Gate:
    """What one figure must show.

    at_most, at_least: bounds of the value. meets: a band that the figure's interval must reach into: it refuses only what is surely
    outside, since few positives make a figure jump. within: a band, its ends excluded, that the whole interval must lie in: it refuses
    what may be outside. worse_by, jump: beside a champion on the same rows, see `BesideChampion`. optional: a figure that only traffic can
    give, or enough rows; without it the table says so and the gate holds.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    meets: Ends | None = None
    within: Ends | None = None
    worse_by: float | None = None
    jump: float | None = None
    better: Literal["lower", "higher"] = "lower"
    optional: bool = False

    def verdict(self, value: float | None, ends: Ends | None = None, beside: BesideChampion | None = None) -> Verdict:
        """value: None or nan where nothing was measured. ends: of its interval; the value itself where there is none. beside: None
        without a champion, or where the champion has no such figure."""
        known = value is not None and value == value
        before = beside.champion if beside is not None else None
        bounds, held = self._alone(value, ends or (value, value)) if known and value is not None else self._alone(0.0, (0.0, 0.0))
        if beside is not None:
            more, kept = self._beside(beside)
            bounds, held = [*bounds, *more], held and kept
        bound = ", ".join(bounds)
        if known and ends is not None and (self.meets or self.within):
            bound += f" (95 % interval {ends[0]:.4g} to {ends[1]:.4g})"
        return Verdict(self.metric, before, value if known else None, bound, held if known else self.optional, known)

    def _alone(self, value: float, ends: Ends) -> tuple[list[str], bool]:
        """The bounds in words, and whether the figure keeps them."""
        bounds, held = [], True
        if self.at_most is not None:
            bounds.append(f"≤ {self.at_most:g}")
            held &= value <= self.at_most
        if self.at_least is not None:
            bounds.append(f"≥ {self.at_least:g}")
            held &= value >= self.at_least
        if self.meets is not None:
            bounds.append(f"interval meets {_band(self.meets)}")
            held &= ends[0] <= self.meets[1] + ROUNDING and ends[1] >= self.meets[0] - ROUNDING
        if self.within is not None:
            bounds.append(f"surely {_band(self.within, less='<')}")
            held &= self.within[0] < ends[0] and ends[1] < self.within[1]
        return bounds, held

    def _beside(self, found: BesideChampion) -> tuple[list[str], bool]:
        trails, low, high = found.trails(self.better)
        bounds, held = [], True
        if self.worse_by is not None:
            bounds.append(f"trails the champion by ≤ {self.worse_by:g}, and not surely ({trails:+.4g}, {low:+.4g} to {high:+.4g})")
            held &= trails <= self.worse_by and low <= ROUNDING
        if self.jump is not None:
            bounds.append(f"leads the champion by ≤ {self.jump:g} ({-trails:+.4g})")
            held &= -trails <= self.jump
        return bounds, held


@dataclass(frozen=True)
class BesideChampion:
    """A figure of the champion, and challenger minus champion on the same rows, with the paired interval of the difference.

    A challenger is refused when it is worse beyond noise (the whole interval lies on the worse side of 0), however little that is, and
    when it is worse by more than a gate's allowance, however noisy that is: in doubt the champion stays. It is refused, too, when it is
    better by more than a gate's jump, which is what a leak looks like.
    """

    champion: float
    difference: float
    low: float
    high: float

    def trails(self, better: str) -> tuple[float, float, float]:
        """By how much the challenger is worse, and the ends of that; below 0 where it is better. better: `lower` or `higher`."""
        if better == "lower":
            return self.difference, self.low, self.high
        return -self.difference, -self.high, -self.low


@dataclass(frozen=True)
class Verdict:
    """A gate's outcome; champion is None when there is none to compare with, challenger when nothing was measured.

    evidence: something was measured. An optional gate without evidence passes, and says that it had none.
    """

    gate: str
    champion: float | None
    challenger: float | None
    bound: str
    passed: bool
    evidence: bool = True

    @property
    def word(self) -> str:
        """passed, failed, or no evidence."""
        return ("passed" if self.evidence else "no evidence") if self.passed else "failed"

    @property
    def failure(self) -> str:
        """For a refusal: the gate, the value and the bound."""
        return f"{self.gate} {'not measured' if self.challenger is None else f'{self.challenger:.4g}'} must be {self.bound}"


def _band(band: Ends, less: str = "≤") -> str:
    """In words. less: the sign that says whether the ends belong to the band."""
    low, high = band
    if low == -NO_END:
        return f"{less} {high:g}"
    return f"{'≥' if less == '≤' else '>'} {low:g}" if high == NO_END else f"{low:g} to {high:g}"
