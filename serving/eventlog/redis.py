"""The event log in Redis: shared by all machines; durable as far as the server's append-only file is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from redis import Redis

from serving.eventlog.log import Event
from serving.eventlog.sqlite import _micros
from serving.record.decision import Decision

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
        self._redis: Any = Redis.from_url(url)
        self._once = self._redis.register_script(ONCE)

    def append_decision(self, decision: Decision) -> None:
        record = msgspec.json.encode(decision)
        self._once(keys=["placard:decisions", "placard:decisions:at"], args=[_micros(decision.decided_at), decision.decision_id, record])

    def append_events(self, events: Sequence[Event], received: datetime) -> list[bool]:
        if not events:
            return []
        pairs = [part for e in events for part in (e.event_id, msgspec.json.encode(e))]
        return [bool(f) for f in self._once(keys=["placard:events", "placard:events:at"], args=[_micros(received), *pairs])]

    def event(self, event_id: str) -> Event | None:
        record = self._redis.hget("placard:events", event_id)
        return msgspec.json.decode(record, type=Event) if record is not None else None

    def append_late(self, events: Sequence[tuple[Event, str]], received: datetime) -> None:
        if events:
            pairs = [part for e, why in events for part in (e.event_id, msgspec.json.encode((e, why)))]
            self._once(keys=["placard:late", "placard:late:at"], args=[_micros(received), *pairs])

    def late(self, since: datetime, until: datetime) -> Iterator[tuple[Event, str]]:
        for key in self._redis.zrangebyscore("placard:late:at", _micros(since), f"({_micros(until)}"):
            yield msgspec.json.decode(self._redis.hget("placard:late", key), type=tuple[Event, str])

    def append_shadow(self, decision_id: str, bundle: str, scores: Sequence[float]) -> None:
        self._redis.hset(f"placard:shadow:{decision_id}", bundle, msgspec.json.encode(list(scores)))

    def decision(self, decision_id: str) -> Decision | None:
        record = self._redis.hget("placard:decisions", decision_id)
        if record is None:
            return None
        shadow = {b.decode(): tuple(msgspec.json.decode(s)) for b, s in self._redis.hgetall(f"placard:shadow:{decision_id}").items()}
        return replace(msgspec.json.decode(record, type=Decision), shadow=shadow)

    def decisions(self, since: datetime, until: datetime) -> Iterator[Decision]:
        for key in self._redis.zrangebyscore("placard:decisions:at", _micros(since), f"({_micros(until)}"):
            found = self.decision(key.decode())
            if found is not None:
                yield found

    def events(self, since: datetime, until: datetime) -> Iterator[tuple[Event, datetime]]:
        rows = self._redis.zrangebyscore("placard:events:at", _micros(since), f"({_micros(until)}", withscores=True)
        for key, at in rows:
            moment = datetime.fromtimestamp(int(at) // 1_000_000, UTC).replace(microsecond=int(at) % 1_000_000)
            yield msgspec.json.decode(self._redis.hget("placard:events", key), type=Event), moment

    def close(self) -> None:
        self._redis.close()
