"""The ledger in memory: for tests and for a single process that may forget."""

from __future__ import annotations

import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.ledger.ledger import KEEP, KEEP_MONEY, MINUTE, AskerState, Hide, Promise, Sale, emptied
from serving.ledger.outstanding import Outstanding


class MemoryLedger:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[tuple[date, str], int] = defaultdict(int)
        self._order: dict[date, list[str]] = defaultdict(list)
        self._charges: dict[str, tuple[date, int]] = {}
        """By key: when the ad was shown, and what was charged."""
        self._outstanding: dict[tuple[date, str], Outstanding] = defaultdict(Outstanding)
        self._places: dict[tuple[date, str], dict[str, tuple[str, datetime | None]]] = defaultdict(dict)
        """By day and user, then by place: the campaign, and until when the impression is promised; None once it was seen."""
        self._clicks: dict[str, dict[str, datetime]] = defaultdict(dict)
        self._hidden: dict[str, dict[str, Hide]] = defaultdict(dict)
        self._paused: set[str] = set()
        self._name = self._expected = ""

    def spent(self, campaign_ids: Sequence[str], day: date) -> NDArray[np.int64]:
        return np.array([self._spent.get((day, c), 0) for c in campaign_ids], np.int64)

    def changes(self, day: date, after: int) -> tuple[list[tuple[str, int]], int]:
        with self._lock:
            order = self._order[day]
            return [(c, self._spent[day, c]) for c in dict.fromkeys(order[after:])], len(order)

    def promise(self, asker: str, day: date, now: datetime, promises: Sequence[Promise]) -> list[bool]:
        with self._lock:
            if self._expected and self._name != self._expected:
                raise emptied(self._name, self._expected)
            seen, promised = self._counts(asker, day, now)
            counts, claims = seen + promised, dict[str, Outstanding]()
            granted = []
            for one in promises:
                before = claims.get(one.campaign_id) or self._outstanding[day, one.campaign_id].until(now.timestamp(), one.fade)
                left = one.budget_micros - self._spent[day, one.campaign_id] - before.most
                claims[one.campaign_id] = before.adding(one.price_micros, one.chance, one.fade, now.timestamp())
                may_see = not (asker and one.cap) or counts[one.campaign_id] < one.cap
                counts[one.campaign_id] += 1
                granted.append(may_see and one.price_micros <= left)
            if all(granted):
                self._outstanding.update({(day, campaign): claim for campaign, claim in claims.items()})
                if asker:
                    self._places[day, asker].update({one.place: (one.campaign_id, one.until) for one in promises})
            return granted

    def charge(self, sale: Sale, day: date, now: datetime) -> int:
        with self._lock:
            if sale.key not in self._charges:
                due = max(min(sale.price_micros, sale.budget_micros - self._spent[day, sale.campaign_id]), 0)
                self._spent[day, sale.campaign_id] += due
                self._order[day].append(sale.campaign_id)
                self._charges[sale.key] = (sale.shown.date(), due)
                held = (sale.shown.date(), sale.campaign_id)
                self._outstanding[held] = self._outstanding[held].without(
                    sale.price_micros, sale.chance, sale.fade, sale.shown.timestamp(), now.timestamp()
                )
            return self._charges[sale.key][1]

    def expose(self, user_id: str, campaign_id: str, place: str, day: date) -> None:
        with self._lock:
            self._places[day, user_id][place] = (campaign_id, None)

    def _counts(self, user_id: str, day: date, now: datetime) -> tuple[Counter[str], Counter[str]]:
        """Impressions of the user on the day by campaign: those that were seen, and those that are promised."""
        places = self._places[day, user_id].values()
        seen = Counter(campaign for campaign, until in places if until is None)
        return seen, Counter(campaign for campaign, until in places if until is not None and until > now)

    def clicks(self, user_id: str, place: str, now: datetime) -> int:
        with self._lock:
            recent = {p: at for p, at in self._clicks[user_id].items() if at > now - MINUTE}
            recent.setdefault(place, now)
            self._clicks[user_id] = recent
            return len(recent)

    def hide(self, user_id: str, hide: Hide) -> None:
        with self._lock:
            known = self._hidden[user_id].get(hide.creative_id)
            if known is None or hide.reported:
                self._hidden[user_id][hide.creative_id] = hide

    def past(self, user_id: str, day: date, now: datetime) -> AskerState:
        with self._lock:
            hidden = sorted(self._hidden[user_id].values(), key=lambda h: h.creative_id)
            seen, promised = self._counts(user_id, day, now)
            return AskerState(seen, promised, tuple(h for h in hidden if h.until > now))

    def pause(self, campaign_id: str, paused: bool) -> None:
        with self._lock:
            (self._paused.add if paused else self._paused.discard)(campaign_id)

    def paused(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._paused)

    def identity(self) -> str:
        return self._name

    def christen(self) -> str:
        with self._lock:
            self._name = self._name or uuid.uuid4().hex
            return self._name

    def expect(self, identity: str) -> None:
        self._expected = identity

    def forget(self, now: datetime) -> int:
        old, long_ago = (now - KEEP).date(), (now - KEEP_MONEY).date()
        with self._lock:
            before = self._rows()
            books: tuple[tuple[dict[tuple[date, str], Any], date], ...] = (
                (self._spent, long_ago), (self._outstanding, old), (self._places, old),
            )  # fmt: skip
            for book, until in books:
                for key in [key for key in book if key[0] < until]:
                    del book[key]
            for day in [day for day in self._order if day < long_ago]:
                del self._order[day]
            self._charges = {key: charge for key, charge in self._charges.items() if charge[0] >= long_ago}
            self._clicks = defaultdict(dict, {u: c for u, c in self._clicks.items() if any(at > now - MINUTE for at in c.values())})
            for user, hides in list(self._hidden.items()):
                self._hidden[user] = {creative: hide for creative, hide in hides.items() if hide.until > now}
            return before - self._rows()

    def _rows(self) -> int:
        of_users: list[dict[str, Any]] = [*self._places.values(), *self._clicks.values(), *self._hidden.values()]
        return len(self._spent) + len(self._outstanding) + len(self._charges) + sum(len(rows) for rows in of_users)

    def close(self) -> None:
        """Nothing to release."""
