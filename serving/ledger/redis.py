"""The ledger in Redis: one atomic script a charge, shared by all machines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from redis import Redis

KEEP_SECONDS: Final = 3 * 86_400
"""A day's books are kept this long; older charges must come from the event log."""
CHARGE: Final = """
local before = redis.call('hget', KEYS[2], ARGV[1])
if before then return tonumber(before) end
local spent = tonumber(redis.call('hget', KEYS[1], ARGV[2]) or '0')
local due = math.max(math.min(tonumber(ARGV[3]), tonumber(ARGV[4]) - spent), 0)
redis.call('hincrby', KEYS[1], ARGV[2], due)
redis.call('hset', KEYS[2], ARGV[1], due)
redis.call('zadd', KEYS[3], redis.call('incr', KEYS[4]), ARGV[2])
for _, key in ipairs(KEYS) do redis.call('expire', key, ARGV[5]) end
return due
"""


class RedisLedger:
    def __init__(self, url: str) -> None:
        self._redis: Any = Redis.from_url(url)
        self._charge = self._redis.register_script(CHARGE)

    def spent(self, campaign_ids: Sequence[str], day: date) -> NDArray[np.int64]:
        values = self._redis.hmget(f"placard:spend:{day}", list(campaign_ids)) if campaign_ids else []
        return np.array([int(v or 0) for v in values], np.int64)

    def changes(self, day: date, after: int) -> tuple[list[tuple[str, int]], int]:
        newest = int(self._redis.get(f"placard:changes:{day}") or 0)
        if newest < after:  # the store was emptied: everything is news again
            after = 0
        changed = self._redis.zrangebyscore(f"placard:changed:{day}", f"({after}", "+inf", withscores=True) if newest > after else []
        names = [name.decode() for name, _ in changed]
        spent = self.spent(names, day).tolist()
        return list(zip(names, spent, strict=True)), int(max((mark for _, mark in changed), default=after))

    def charge(self, event_id: str, campaign_id: str, day: date, micros: int, daily_budget_micros: int) -> int:
        keys = [f"placard:spend:{day}", "placard:charges", f"placard:changed:{day}", f"placard:changes:{day}"]
        return int(self._charge(keys=keys, args=[event_id, campaign_id, micros, daily_budget_micros, KEEP_SECONDS]))

    def expose(self, user_id: str, campaign_ids: Sequence[str], day: date) -> None:
        key = f"placard:seen:{day}:{user_id}"
        pipe = self._redis.pipeline()
        for campaign in campaign_ids:
            pipe.hincrby(key, campaign, 1)
        pipe.expire(key, KEEP_SECONDS)
        pipe.execute()

    def exposures(self, user_id: str, day: date) -> dict[str, int]:
        return {k.decode(): int(v) for k, v in self._redis.hgetall(f"placard:seen:{day}:{user_id}").items()}

    def close(self) -> None:
        self._redis.close()
