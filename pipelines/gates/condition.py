"""What the figures of served traffic must show: data, not code paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipelines.reporting.figure import Figure


@dataclass(frozen=True)
class Condition:
    """On one figure of a report. at_least, below: bounds of its value. meets: a band that its 95 % interval must reach into."""

    figure: str
    unit: str
    at_least: float | None = None
    below: float | None = None
    meets: tuple[float, float] | None = None

    @property
    def target(self) -> str:
        """In words, as reports print it."""
        if self.meets is not None:
            return f"interval meets {self.meets[0]} to {self.meets[1]}"
        return f">= {self.at_least:g}" if self.at_least is not None else f"< {self.below:g}"

    def holds(self, value: float | None, low: float | None = None, high: float | None = None) -> bool:
        """low, high: ends of the figure's interval, None where unbounded. A value that is not defined holds to no bound."""
        if self.meets is not None and ((low is not None and low > self.meets[1]) or (high is not None and high < self.meets[0])):
            return False
        if self.at_least is not None and (value is None or value < self.at_least):
            return False
        return self.below is None or (value is not None and value < self.below)

    def judged(self, value: float | None, low: float | None = None, high: float | None = None) -> Figure:
        """The figure with its target, and whether that holds."""
        return Figure(self.figure, value, self.unit, self.target, self.holds(value, low, high))


CALIBRATED: Final = Condition("shadow_calibration", "ratio", meets=(0.9, 1.1))
"""Predicted over observed events, of served ads whose labels have matured."""
SHADOW: Final = (
    Condition("clicks", "events", at_least=100),
    Condition("log_loss_difference_upper_bound", "nats", below=0.0),
    Condition("roc_auc_difference_upper_bound", "share", at_least=0.0),
    CALIBRATED,
)
"""All must hold before a shadow is to be promoted. Differences are shadow minus champion on the same ads: its loss is surely smaller,
its order not surely worse."""
