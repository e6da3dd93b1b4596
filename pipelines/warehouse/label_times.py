"""How long after its cause an outcome counts, and from when on a label is taken as final."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from serving.room_settings import TrainingSettings


@dataclass(frozen=True)
class LabelTimes:
    """history_days: how many days, up to the one that is trained on, rows are taken from.

    window: an outcome counts when it comes within so long of its cause (a click of the impression, a conversion of the click).

    maturity: a row is used once so long has passed since its cause. As long as the window, or longer where logs come late: every label is
    final. Shorter: newer rows are used, and outcomes that take longer than the maturity are missed where they have not come yet."""

    window: timedelta
    maturity: timedelta
    history_days: int = TrainingSettings().history_days

    @classmethod
    def of(cls, settings: TrainingSettings) -> LabelTimes:
        return cls(timedelta(hours=settings.label_window_hours), timedelta(hours=settings.label_maturity_hours), settings.history_days)

    @property
    def whole(self) -> LabelTimes:
        """The same window, with rows that wait for all of it."""
        return LabelTimes(self.window, max(self.window, self.maturity), self.history_days)
