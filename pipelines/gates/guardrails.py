"""The bands that a champion must stay within while it serves: data, not code paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Measure:
    """A figure of what was served, with its interval; value None (and the ends, where unbounded) when nothing tells. seen: of how
    many rows; events: how many of them counted."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    seen: int
    events: int


@dataclass(frozen=True)
class Guardrail:
    """A measure's band. It is left only when the whole interval lies outside: luck alone takes no champion away."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def band(self) -> str:
        """In words."""
        parts = [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        return ", ".join([*parts, *([f"≤ {self.at_most:g}"] if self.at_most is not None else [])])


@dataclass(frozen=True)
class GuardrailReading:
    """A guardrail, and what was measured."""

    guardrail: Guardrail
    measure: Measure

    @property
    def holds(self) -> bool:
        g, m = self.guardrail, self.measure
        above = g.at_most is not None and m.low is not None and m.low > g.at_most
        below = g.at_least is not None and m.high is not None and m.high < g.at_least
        return not above and not below

    @property
    def words(self) -> str:
        """The measure, its interval and the band, for the journal."""
        m = self.measure
        if m.value is None and m.low is None and m.high is None:
            return f"{m.name.replace('_', ' ')} not known yet, must be {self.guardrail.band}"
        value = "unbounded" if m.value is None else f"{m.value:.3g}"
        low, high = ("…" if x is None else f"{x:.3g}" for x in (m.low, m.high))
        return f"{m.name.replace('_', ' ')} {value} [{low}, {high}] of {m.seen:,}, must be {self.guardrail.band}"


NOW: Final[dict[str, tuple[Guardrail, ...]]] = {
    "click": (
        Guardrail("calibration_ratio", 0.5, 2.0),
        Guardrail("further_calibration_ratio", 0.5, 2.0),
        Guardrail("click_rate_ratio", at_least=0.5),
        Guardrail("slow_share", at_most=0.01),
        Guardrail("failing_share", at_most=0.02),
    ),
    "conversion": (Guardrail("failing_share", at_most=0.02),),
}
"""On the last minutes. Their labels are young, so the bands are wide.

calibration_ratio: predicted over observed clicks at the first position. further_calibration_ratio: the same below it, where promises
are moved by the model's positions, which it learned from few explored pages. click_rate_ratio: its click rate there over that of what
served before it. slow_share: of its decisions, those whose scoring took more than half of the deadline, the stage's share (a p99 in
time is at most 1 %). failing_share: of all decisions since it took over, those that a scorer failed or that broke.
conversion: those that its bundle failed; whether its promises come true takes days."""

MATURED: Final[dict[str, tuple[Guardrail, ...]]] = {
    "click": (Guardrail("calibration_ratio", 0.8, 1.25), Guardrail("further_calibration_ratio", 0.8, 1.25)),
    "conversion": (Guardrail("calibration_ratio", 0.6, 1.67),),
}
"""On days whose labels have matured. conversion: predicted over observed conversions of clicked ads, which are few: a wider band."""
