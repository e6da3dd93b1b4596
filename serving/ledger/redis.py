"""The ledger in Redis: one atomic script a promise or a charge, shared by all machines."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.ledger.ledger import KEEP, KEEP_MONEY, MINUTE, AskerState, Hide, Promise, Sale, emptied
from serving.ledger.outstanding import CERTAIN
from serving.stores.redis_server import connect

KEEP_SECONDS: Final = int(KEEP.total_seconds())
KEEP_MONEY_SECONDS: Final = int(KEEP_MONEY.total_seconds())
KEEP_HIDDEN_SECONDS: Final = 400 * 86_400
"""What a user hid is kept this long after the last hide: longer than any hide lasts."""
AS_HIDE: Final = msgspec.json.Decoder(Hide)
IDENTITY: Final = "placard:identity"
"""Under this key lies the ledger's name."""
SEEN: Final = "-"
"""In place of the moment until which an impression is promised, once it was seen."""
CLAIM: Final = """
local function claim(key, campaign, now, fade)
  local kept = redis.call('hget', key, campaign)
  if not kept then return 0, 0, now end
  local mean, variance, at = string.match(kept, '(%S+) (%S+) (%S+)')
  local share = math.exp(-math.max(now - tonumber(at), 0) / fade)
  return tonumber(mean) * share, tonumber(variance) * share, math.max(now, tonumber(at))
end
local function keep(key, campaign, mean, variance, at)
  redis.call('hset', key, campaign, string.format('%.17g %.17g %.17g', mean, variance, at))
end
"""
"""What a campaign's shown ads may still cost, as outstanding.py computes it."""
CHARGE: Final = (
    CLAIM
    + """
local spend, charges, changed, changes, held = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local key, campaign, price, budget, chance, fade, shown, now = unpack(ARGV, 1, 8)
local before = redis.call('hget', charges, key)
if before then return tonumber(before) end
price, budget, chance, fade = tonumber(price), tonumber(budget), tonumber(chance), tonumber(fade)
shown, now = tonumber(shown), tonumber(now)
local spent = tonumber(redis.call('hget', spend, campaign) or '0')
local due = math.max(math.min(price, budget - spent), 0)
redis.call('hincrby', spend, campaign, due)
redis.call('hset', charges, key, due)
redis.call('zadd', changed, redis.call('incr', changes), campaign)
local mean, variance, at = claim(held, campaign, now, fade)
local share = math.exp(-math.max(now - shown, 0) / fade)
keep(held, campaign, math.max(mean - share * chance * price, 0), math.max(variance - share * chance * (1 - chance) * price * price, 0), at)
for _, name in ipairs({changed, changes, held}) do redis.call('expire', name, ARGV[9]) end
for _, name in ipairs({spend, charges}) do redis.call('expire', name, ARGV[10]) end
return due
"""
)
PROMISE: Final = (
    CLAIM
    + """
local spend, held, places, identity = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local asker, now, certain, expected = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4]), ARGV[5]
if expected ~= '' and redis.call('get', identity) ~= expected then return false end
local counts, claims, granted, all = {}, {}, {}, true
if asker ~= '' then
  local rows = redis.call('hvals', places)
  for _, row in ipairs(rows) do
    local till, campaign = string.match(row, '(%S+) (.*)')
    if till == '-' or tonumber(till) > now then counts[campaign] = (counts[campaign] or 0) + 1 end
  end
end
for i = 6, #ARGV, 8 do
  local campaign, price, chance, fade = ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local budget, cap = tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6])
  local before = claims[campaign]
  if not before then before = {claim(held, campaign, now, fade)} end
  local left = budget - tonumber(redis.call('hget', spend, campaign) or '0') - (before[1] + certain * math.sqrt(before[2]))
  claims[campaign] = {before[1] + chance * price, before[2] + chance * (1 - chance) * price * price, before[3]}
  local seen = counts[campaign] or 0
  local ok = price <= left and (asker == '' or cap == 0 or seen < cap)
  counts[campaign] = seen + 1
  granted[#granted + 1] = ok and 1 or 0
  all = all and ok
end
if all then
  for campaign, claimed in pairs(claims) do keep(held, campaign, claimed[1], claimed[2], claimed[3]) end
  redis.call('expire', held, ARGV[3])
  if asker ~= '' then
    for i = 6, #ARGV, 8 do redis.call('hsetnx', places, ARGV[i], ARGV[i + 7] .. ' ' .. ARGV[i + 1]) end
    redis.call('expire', places, ARGV[3])
  end
end
return granted
"""
)


class RedisLedger:
    def __init__(self, url: str) -> None:
        self._redis: Any = connect(url)
        self._charge = self._redis.register_script(CHARGE)
        self._promise = self._redis.register_script(PROMISE)
        self._expected = ""

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

    def promise(self, asker: str, day: date, now: datetime, promises: Sequence[Promise]) -> list[bool]:
        keys = [f"placard:spend:{day}", f"placard:outstanding:{day}", _places(day, asker), IDENTITY]
        asked: list[str | int | float] = [
            part for p in promises
            for part in (p.place, p.campaign_id, p.price_micros, p.chance, p.fade, p.budget_micros, p.cap, repr(p.until.timestamp()))
        ]  # fmt: skip
        granted = self._promise(keys=keys, args=[asker, repr(now.timestamp()), KEEP_SECONDS, CERTAIN, self._expected, *asked])
        if granted is None:
            raise emptied(self.identity(), self._expected)
        return [bool(one) for one in granted]

    def charge(self, sale: Sale, day: date, now: datetime) -> int:
        books = ["placard:spend", "placard:charges", "placard:changed", "placard:changes"]
        shown = sale.shown.date()
        keys = [f"{books[0]}:{day}", f"{books[1]}:{shown}", *(f"{book}:{day}" for book in books[2:]), f"placard:outstanding:{shown}"]
        args: list[str | int | float] = [
            sale.key, sale.campaign_id, sale.price_micros, sale.budget_micros, sale.chance, sale.fade, repr(sale.shown.timestamp()),
            repr(now.timestamp()), KEEP_SECONDS, KEEP_MONEY_SECONDS,
        ]  # fmt: skip
        return int(self._charge(keys=keys, args=args))

    def expose(self, user_id: str, campaign_id: str, place: str, day: date) -> None:
        with self._redis.pipeline() as pipe:
            pipe.hset(_places(day, user_id), place, f"{SEEN} {campaign_id}")
            pipe.expire(_places(day, user_id), KEEP_SECONDS)
            pipe.execute()

    def clicks(self, user_id: str, place: str, now: datetime) -> int:
        key = f"placard:clicks:{user_id}"
        with self._redis.pipeline() as pipe:
            pipe.zremrangebyscore(key, "-inf", (now - MINUTE).timestamp())
            pipe.zadd(key, {place: now.timestamp()}, nx=True)
            pipe.zcard(key)
            pipe.expire(key, MINUTE)
            return int(pipe.execute()[2])

    def hide(self, user_id: str, hide: Hide) -> None:
        key = f"placard:hidden:{user_id}"
        with self._redis.pipeline() as pipe:
            (pipe.hset if hide.reported else pipe.hsetnx)(key, hide.creative_id, msgspec.json.encode(hide))
            pipe.expire(key, KEEP_HIDDEN_SECONDS)
            pipe.execute()

    def past(self, user_id: str, day: date, now: datetime) -> AskerState:
        with self._redis.pipeline() as pipe:
            pipe.hvals(_places(day, user_id))
            pipe.hvals(f"placard:hidden:{user_id}")
            places, hides = pipe.execute()
        seen, promised = Counter[str](), Counter[str]()
        for row in places:
            until, _, campaign = row.decode().partition(" ")
            if until == SEEN:
                seen[campaign] += 1
            elif float(until) > now.timestamp():
                promised[campaign] += 1
        hidden = [AS_HIDE.decode(h) for h in hides]
        return AskerState(seen, promised, tuple(sorted((h for h in hidden if h.until > now), key=lambda h: h.creative_id)))

    def pause(self, campaign_id: str, paused: bool) -> None:
        (self._redis.sadd if paused else self._redis.srem)("placard:paused", campaign_id)

    def paused(self) -> frozenset[str]:
        return frozenset(name.decode() for name in self._redis.smembers("placard:paused"))

    def identity(self) -> str:
        return (self._redis.get(IDENTITY) or b"").decode()

    def christen(self) -> str:
        self._redis.set(IDENTITY, uuid.uuid4().hex, nx=True)
        return self.identity()

    def expect(self, identity: str) -> None:
        self._expected = identity

    def forget(self, now: datetime) -> int:
        """Redis removes by itself what is old: every key here says how long it lasts."""
        return 0

    def close(self) -> None:
        self._redis.close()


def _places(day: date, user_id: str) -> str:
    """The impressions of a user on a day: by place, until when it is promised, or SEEN, and the campaign."""
    return f"placard:places:{day}:{user_id}"
