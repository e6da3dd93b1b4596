"""The contract of the money and frequency state. Money is integer micros; a charge counts once, whatever is retried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Ledger(Protocol):
    """Budgets, spend and exposures. Safe to call from several threads and processes."""

    def spent(self, campaign_ids: Sequence[str], day: date) -> NDArray[np.int64]:
        """Micros spent by each campaign on `day`, shape (n,)."""
        ...

    def changes(self, day: date, after: int) -> tuple[list[tuple[str, int]], int]:
        """What campaigns whose spend of `day` changed after the mark `after` (0: ever) have spent by now, and the mark to ask with
        next. A campaign may come again without a change; none is left out."""
        ...

    def charge(self, event_id: str, campaign_id: str, day: date, micros: int, daily_budget_micros: int) -> int:
        """Charges at most what is left of the day's budget; returns the micros charged. A known event_id changes nothing and
        returns what it was charged before."""
        ...

    def expose(self, user_id: str, campaign_ids: Sequence[str], day: date) -> None:
        """Counts one impression of each campaign for a user."""
        ...

    def exposures(self, user_id: str, day: date) -> dict[str, int]:
        """Impressions per campaign for a user on `day`."""
        ...

    def close(self) -> None: ...
