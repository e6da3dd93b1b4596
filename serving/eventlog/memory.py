"""The event log in memory: for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from serving.eventlog.log import Event, First
from serving.record.decision import Decision


class MemoryEventLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decisions: dict[str, Decision] = {}
        self._shadow: dict[str, dict[str, tuple[float, ...]]] = {}
        self._events: dict[str, tuple[Event, datetime]] = {}
        self._open: set[str] = set()
        self._late: dict[str, tuple[Event, str, datetime]] = {}

    def append_decision(self, decision: Decision) -> None:
        with self._lock:
            self._decisions.setdefault(decision.decision_id, decision)

    def append_events(self, events: Sequence[Event], received: datetime) -> list[bool]:
        with self._lock:
            fresh = []
            for event in events:
                fresh.append(event.event_id not in self._events)
                if fresh[-1]:
                    self._events[event.event_id] = (event, received)
                    self._open.add(event.event_id)
            return fresh

    def event(self, event_id: str) -> Event | None:
        found = self._events.get(event_id)
        return found[0] if found else None

    def settle(self, event_ids: Sequence[str]) -> None:
        with self._lock:
            self._open.difference_update(event_ids)

    def unsettled(self) -> list[tuple[Event, datetime]]:
        with self._lock:
            return [self._events[key] for key in sorted(self._open, key=lambda key: (self._events[key][1], key))]

    def happened(self, decision_id: str, creative_id: str) -> dict[str, First]:
        with self._lock:
            rows = [(at, e) for e, at in self._events.values() if (e.decision_id, e.creative_id) == (decision_id, creative_id)]
        out: dict[str, First] = {}
        for at, event in sorted(rows, key=lambda row: (row[0], row[1].event_id)):
            out.setdefault(event.kind, First(event.ts, at))
        return out

    def append_late(self, events: Sequence[tuple[Event, str]], received: datetime) -> None:
        with self._lock:
            for event, why in events:
                self._late.setdefault(event.event_id, (event, why, received))

    def late(self, since: datetime, until: datetime) -> Iterator[tuple[Event, str]]:
        with self._lock:
            held = [(at, e.event_id, e, why) for e, why, at in self._late.values() if since <= at < until]
        yield from ((event, why) for _, _, event, why in sorted(held, key=lambda row: row[:2]))

    def append_shadow(self, decision_id: str, bundle: str, scores: Sequence[float]) -> None:
        with self._lock:
            self._shadow.setdefault(decision_id, {})[bundle] = tuple(scores)

    def decision(self, decision_id: str) -> Decision | None:
        found = self._decisions.get(decision_id)
        return replace(found, shadow=dict(self._shadow.get(decision_id, {}))) if found else None

    def decisions(self, since: datetime, until: datetime) -> Iterator[Decision]:
        with self._lock:
            held = list(self._decisions.values())
        chosen = [d for d in held if since <= d.decided_at < until]
        for decision in sorted(chosen, key=lambda d: (d.decided_at, d.decision_id)):
            yield replace(decision, shadow=dict(self._shadow.get(decision.decision_id, {})))

    def events(self, since: datetime, until: datetime) -> Iterator[tuple[Event, datetime]]:
        with self._lock:
            held = list(self._events.values())
        chosen = [(e, r) for e, r in held if since <= r < until]
        yield from sorted(chosen, key=lambda pair: (pair[1], pair[0].event_id))

    def first(self) -> datetime | None:
        with self._lock:
            moments = [d.decided_at for d in self._decisions.values()]
            moments += [at for _, at in self._events.values()] + [at for _, _, at in self._late.values()]
        return min(moments, default=None)

    def forget(self, until: datetime) -> int:
        with self._lock:
            decisions = [key for key, d in self._decisions.items() if d.decided_at < until]
            events = [key for key, (_, at) in self._events.items() if at < until]
            late = [key for key, (_, _, at) in self._late.items() if at < until]
            for key in decisions:
                del self._decisions[key]
                self._shadow.pop(key, None)
            for key in events:
                del self._events[key]
            for key in late:
                del self._late[key]
            self._open.difference_update(events)
            return len(decisions) + len(events) + len(late)

    def close(self) -> None:
        """Nothing to release."""
