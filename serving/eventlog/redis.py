"""The event log in Redis: shared by all machines; durable as far as the server's append-only file is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from serving.eventlog.log import AS_DECISION, AS_EVENT, AS_LATE_EVENT, Event, First
from serving.eventlog.sqlite import BATCH, micros_of, moment_of
from serving.record.decision import Decision
from serving.stores.redis_server import connect

EVENTS = """
local fresh = {}
for i = 2, #ARGV, 3 do
  local id, record, place = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local is_new = redis.call('hsetnx', KEYS[1], id, record)
  if is_new == 1 then
    redis.call('zadd', KEYS[2], ARGV[1], id)
    redis.call('sadd', KEYS[3], id)
    redis.call('rpush', KEYS[4] .. place, id)
  end
  fresh[#fresh + 1] = is_new
end
return fresh
"""
"""Stores each (id, record, place) that is new, as not settled, and indexes it by time and by place; one atomic step."""
ONCE = """
local fresh = {}
for i = 2, #ARGV, 2 do
  local is_new = redis.call('hsetnx', KEYS[1], ARGV[i], ARGV[i + 1])
  if is_new == 1 then redis.call('zadd', KEYS[2], ARGV[1], ARGV[i]) end
  fresh[#fresh + 1] = is_new
end
return fresh
"""
"""Stores each (id, record) that is new and indexes it by time; one atomic step."""


class RedisEventLog:
    def __init__(self, url: str) -> None:
        self._redis: Any = connect(url)
        self._once, self._events = self._redis.register_script(ONCE), self._redis.register_script(EVENTS)

    def append_decision(self, decision: Decision) -> None:
        record = msgspec.json.encode(decision)
        self._once(keys=["placard:decisions", "placard:decisions:at"], args=[micros_of(decision.decided_at), decision.decision_id, record])

    def append_events(self, events: Sequence[Event], received: datetime) -> list[bool]:
        if not events:
            return []
        rows = [part for e in events for part in (e.event_id, msgspec.json.encode(e), f"{e.decision_id}|{e.creative_id}")]
        keys = ["placard:events", "placard:events:at", "placard:events:open", "placard:events:of:"]
        return [bool(f) for f in self._events(keys=keys, args=[micros_of(received), *rows])]

    def event(self, event_id: str) -> Event | None:
        record = self._redis.hget("placard:events", event_id)
        return AS_EVENT.decode(record) if record is not None else None

    def settle(self, event_ids: Sequence[str]) -> None:
        if event_ids:
            self._redis.srem("placard:events:open", *event_ids)

    def unsettled(self) -> list[tuple[Event, datetime]]:
        rows = self._of([key.decode() for key in self._redis.smembers("placard:events:open")])
        return sorted(rows, key=lambda row: (row[1], row[0].event_id))

    def happened(self, decision_id: str, creative_id: str) -> dict[str, First]:
        keys = [key.decode() for key in self._redis.lrange(f"placard:events:of:{decision_id}|{creative_id}", 0, -1)]
        out: dict[str, First] = {}
        for event, at in sorted(self._of(keys), key=lambda row: (row[1], row[0].event_id)):
            out.setdefault(event.kind, First(event.ts, at))
        return out

    def _of(self, event_ids: Sequence[str]) -> list[tuple[Event, datetime]]:
        """The events of these ids, with the moment each was received."""
        if not event_ids:
            return []
        with self._redis.pipeline() as pipe:
            pipe.hmget("placard:events", list(event_ids))
            pipe.zmscore("placard:events:at", list(event_ids))
            records, moments = pipe.execute()
        return [(AS_EVENT.decode(r), moment_of(int(at))) for r, at in zip(records, moments, strict=True) if r is not None]

    def append_late(self, events: Sequence[tuple[Event, str]], received: datetime) -> None:
        if events:
            pairs = [part for e, why in events for part in (e.event_id, msgspec.json.encode((e, why)))]
            self._once(keys=["placard:late", "placard:late:at"], args=[micros_of(received), *pairs])

    def late(self, since: datetime, until: datetime) -> Iterator[tuple[Event, str]]:
        for key in self._redis.zrangebyscore("placard:late:at", micros_of(since), f"({micros_of(until)}"):
            yield AS_LATE_EVENT.decode(self._redis.hget("placard:late", key))

    def append_shadow(self, decision_id: str, bundle: str, scores: Sequence[float]) -> None:
        self._redis.hset(f"placard:shadow:{decision_id}", bundle, msgspec.json.encode(list(scores)))

    def decision(self, decision_id: str) -> Decision | None:
        record = self._redis.hget("placard:decisions", decision_id)
        if record is None:
            return None
        shadow = {b.decode(): tuple(msgspec.json.decode(s)) for b, s in self._redis.hgetall(f"placard:shadow:{decision_id}").items()}
        return replace(AS_DECISION.decode(record), shadow=shadow)

    def decisions(self, since: datetime, until: datetime) -> Iterator[Decision]:
        for key in self._redis.zrangebyscore("placard:decisions:at", micros_of(since), f"({micros_of(until)}"):
            found = self.decision(key.decode())
            if found is not None:
                yield found

    def events(self, since: datetime, until: datetime) -> Iterator[tuple[Event, datetime]]:
        rows = self._redis.zrangebyscore("placard:events:at", micros_of(since), f"({micros_of(until)}", withscores=True)
        for key, at in rows:
            yield AS_EVENT.decode(self._redis.hget("placard:events", key)), moment_of(int(at))

    def first(self) -> datetime | None:
        oldest = (self._redis.zrange(f"placard:{kind}:at", 0, 0, withscores=True) for kind in ("decisions", "events", "late"))
        return moment_of(min(moments)) if (moments := [int(at) for found in oldest for _, at in found]) else None

    def forget(self, until: datetime) -> int:
        return sum(self._forget(kind, until) for kind in ("decisions", "events", "late"))

    def _forget(self, kind: str, until: datetime) -> int:
        """A batch at a time, each in one atomic step: who serves is answered in between."""
        removed = 0
        while ids := [key.decode() for key in self._redis.zrangebyscore(f"placard:{kind}:at", "-inf", f"({micros_of(until)}", 0, BATCH)]:
            with self._redis.pipeline() as pipe:
                if kind == "decisions":
                    pipe.delete(*(f"placard:shadow:{key}" for key in ids))
                if kind == "events":
                    for event, _ in self._of(ids):
                        pipe.lrem(f"placard:events:of:{event.decision_id}|{event.creative_id}", 0, event.event_id)
                    pipe.srem("placard:events:open", *ids)
                pipe.hdel(f"placard:{kind}", *ids)
                pipe.zrem(f"placard:{kind}:at", *ids)
                pipe.execute()
            removed += len(ids)
        return removed

    def close(self) -> None:
        self._redis.close()
