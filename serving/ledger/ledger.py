"""The contract of the money and of what is kept of each user. Money is integer micros; whatever is retried counts once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from serving.errors import ServingError

MINUTE: Final = timedelta(minutes=1)
KEEP: Final = timedelta(days=3)
"""A day's claims and impressions are kept this long."""
KEEP_MONEY: Final = timedelta(days=100)
"""What campaigns have spent on a day, and what was charged for an ad that was shown on it, is kept this long: longer than any attribution
window, since an event that comes late is charged to the day on which it happened. What comes later still is not charged."""


class LedgerEmptied(ServingError):
    """A ledger that does not hold what was written into it: what campaigns have spent is not known."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What one ad that is about to be shown asks of the ledger.

    place: of one ad on one page, `<decision>|<creative>`. price_micros: due with probability `chance`, within about `fade` seconds if
    at all (outstanding.py). budget_micros: the campaign's daily budget. cap: the impressions that the user may have of the campaign in a
    day, 0 for any number. until: when the promise of an impression is given back, if the impression has not come.
    """

    place: str
    campaign_id: str
    price_micros: int
    chance: float
    fade: float
    budget_micros: int
    cap: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Sale:
    """An ad that is to be paid for. key: what was sold; one sale is charged once. shown: when; chance, fade: of its promise."""

    key: str
    campaign_id: str
    price_micros: int
    budget_micros: int
    shown: datetime
    chance: float
    fade: float


@dataclass(frozen=True, slots=True)
class Hide:
    """A user does not want an ad any more. reported: it was reported, not only hidden."""

    creative_id: str
    advertiser_id: str
    reported: bool
    until: datetime


@dataclass(frozen=True, slots=True)
class AskerState:
    """What is kept of a user. exposures: impressions of the day, by campaign. promised: those that may still come, of pages that were
    decided before. hidden: what they hid, while it lasts."""

    exposures: Mapping[str, int] = field(default_factory=dict)
    promised: Mapping[str, int] = field(default_factory=dict)
    hidden: tuple[Hide, ...] = ()


def emptied(identity: str, expected: str) -> LedgerEmptied:
    """The error of a ledger of this name, where another was expected."""
    fix = "Bring back what it held, or begin anew with `placard ledger accept`: then budgets of today are whole again."
    return LedgerEmptied("ledger", identity or "emptied", f"Servers here wrote into {expected}. {fix}")


class Ledger(Protocol):
    """Budgets, spend, exposures, hides and pauses. Safe to call from several threads and processes."""

    def spent(self, campaign_ids: Sequence[str], day: date) -> NDArray[np.int64]:
        """Micros spent by each campaign on `day`, shape (n,)."""
        ...

    def changes(self, day: date, after: int) -> tuple[list[tuple[str, int]], int]:
        """What campaigns whose spend of `day` changed after the mark `after` (0: ever) have spent by now, and the mark to ask with
        next. A campaign may come again without a change; none is left out."""
        ...

    def promise(self, asker: str, day: date, now: datetime, promises: Sequence[Promise]) -> list[bool]:
        """Holds what the ads of one page ask for: all of it where each answer is True, nothing otherwise. False for an ad whose campaign
        has less left of the day's budget than its price, after what others may still claim, and for one that the user has seen as
        often as its cap allows. asker: "" for nobody, for whom no impressions are counted. Raises LedgerEmptied where the ledger is not
        the one that is expected."""
        ...

    def charge(self, sale: Sale, day: date, now: datetime) -> int:
        """Charges at most what is left of the day's budget, and takes back the claim; returns the micros charged. A key that is known
        changes nothing and returns what it was charged before."""
        ...

    def expose(self, user_id: str, campaign_id: str, place: str, day: date) -> None:
        """Counts the impression at a place, once."""
        ...

    def clicks(self, user_id: str, place: str, now: datetime) -> int:
        """Counts a click of the user on the ad at a place, once, and returns on how many they clicked within the MINUTE before."""
        ...

    def hide(self, user_id: str, hide: Hide) -> None:
        """Keeps that a user does not want an ad. Of one ad the first hide stays; a report takes its place."""
        ...

    def past(self, user_id: str, day: date, now: datetime) -> AskerState:
        """What is kept of a user, read at once."""
        ...

    def pause(self, campaign_id: str, paused: bool) -> None:
        """Takes a campaign's ads down until it is resumed, or resumes it."""
        ...

    def paused(self) -> frozenset[str]:
        """The campaigns that are paused."""
        ...

    def identity(self) -> str:
        """The name that the ledger was given when it was new, kept beside what it holds; "" for one that is new, or was emptied."""
        ...

    def christen(self) -> str:
        """Gives a ledger without a name one that no other has; returns the name that it has then."""
        ...

    def expect(self, identity: str) -> None:
        """From now on this process is promised nothing by a ledger of another name."""
        ...

    def forget(self, now: datetime) -> int:
        """Removes what is older than KEEP and KEEP_MONEY say, and hides that are over; returns how many rows those were."""
        ...

    def close(self) -> None: ...
