"""When an event counts: between its decision and the end of its attribution window."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from serving.eventlog.log import Event
from serving.ledger.ledger import KEEP_MONEY
from serving.record.decision import Decision
from serving.room_settings import AttributionSettings

EARLY, TOO_LATE, FUTURE = "before_the_decision", "after_the_window", "in_the_future"
"""Why an event does not count."""
KNOWN: Final = KEEP_MONEY - timedelta(days=1)
"""An event that comes later after its decision does not count, whenever it happened: what was charged is forgotten soon."""


class Attribution:
    """The windows of the kinds of events, as the settings say. Clocks of pages may differ from the server's by so much:
    `skew`; within it, an event is taken to have happened at its decision, or now."""

    def __init__(self, settings: AttributionSettings) -> None:
        click, skew = timedelta(hours=settings.click_window_hours), timedelta(seconds=settings.clock_skew_seconds)
        self.skew, self._others = skew, click
        self._windows = {
            "impression": timedelta(hours=settings.impression_window_hours), "click": click,
            "conversion": timedelta(hours=settings.conversion_window_hours),
        }  # fmt: skip

    def window(self, kind: str) -> timedelta:
        """How long after its decision an event of a kind may happen. What is no impression, click or conversion has a click's."""
        return self._windows.get(kind, self._others)

    def refusal(self, event: Event, decision: Decision, received: datetime) -> str:
        """Why an event that came at `received` does not count; "" where it does."""
        if event.ts > received + self.skew:
            return FUTURE
        if event.ts < decision.decided_at - self.skew:
            return EARLY
        if event.ts > decision.decided_at + self.window(event.kind) or received > decision.decided_at + KNOWN:
            return TOO_LATE
        return ""

    @staticmethod
    def moment(event: Event, decision: Decision, received: datetime) -> datetime:
        """When an event that counts happened: not before its decision, and not after it was received."""
        return max(min(event.ts, received), decision.decided_at)
