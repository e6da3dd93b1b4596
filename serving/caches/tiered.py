"""The cache: what was read from a store is kept at several levels, and used until it is old or its user does something."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar, cast

import msgspec
from redis.exceptions import RedisError

from serving.caches.flights import Flights
from serving.caches.generations import Generations
from serving.caches.kind import Kind
from serving.caches.level import Level
from serving.caches.writes import Writes
from serving.stores.breaker import OUT_OF_ORDER, Breaker
from serving.stores.deadline import within

UNANSWERED: Final[tuple[type[Exception], ...]] = (*OUT_OF_ORDER, RedisError)
"""What a level, or the store of generations, raises that does not answer, or not so that it could be used."""
UNUSABLE: Final[tuple[type[Exception], ...]] = (*UNANSWERED, ValueError, msgspec.MsgspecError)
"""And what decoding raises of bytes that are no value."""
NO_VALUE: Final = b""
"""Kept in place of a value that the source does not have."""
T = TypeVar("T")


@dataclass(frozen=True)
class CacheLevel:
    """One level and its terms. seconds: how long an entry lasts at most. remote: on another machine, perhaps: it is written to later."""

    name: str
    level: Level
    seconds: float
    remote: bool = False


@dataclass(frozen=True)
class CacheTerms:
    """deadline: seconds that all levels together may take of a request. negative_seconds: how long it is remembered that there is no value.
    jitter: share of its time by which an entry may end earlier, so that what was loaded together does not end together."""

    deadline: float
    negative_seconds: float
    jitter: float


@dataclass(frozen=True)
class _Found:
    """What a level had. value: None: it remembers that there is none."""

    value: Any


@dataclass
class TieredCache:
    """levels: the nearest first; none: everything is loaded each time. generations: of users. breakers: of what may not answer, by name.
    draw: a number in [0, 1) for the jitter. clock: seconds that never go back.

    A level that fails, or holds bytes that are no value, counts as one that has nothing. Where a user's generation cannot be told, nothing
    that is cached of the user is used, and nothing is kept.
    """

    levels: Sequence[CacheLevel]
    generations: Generations
    terms: CacheTerms
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    draw: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Look-ups by level, kind and what became of them: `hit`, `miss` or `failed`."""

    def __post_init__(self) -> None:
        self.writes = Writes()
        self._flights: Flights[Any] = Flights()
        self._counting = threading.Lock()

    def get(self, kind: Kind[T], owner: str, parts: Sequence[str], load: Callable[[], T | None], keep: bool = True) -> T | None:
        """A value from the nearest level that has it, or from `load`, which is then kept at every level; None: there is none. owner: the
        user whose events end it; "" for what is nobody's. parts: what the value is of, with the version of what it was made from. keep:
        false for what may be found, but not left behind. Raises what `load` raises, and keeps nothing then."""
        if not self.levels:
            return load()
        begun = self.clock()
        generation = self._generation(owner)
        if generation is None:
            return load()
        key = f"{kind.name}:{_digest(kind.form, generation, *parts)}"
        return cast(T | None, self._flights.run(key, partial(self._fetch, kind, key, begun, load, keep)))

    def advance(self, user: str) -> None:
        """Nothing that was cached of the user before is used by a request that begins after this has returned. Raises what the store of
        generations raises."""
        if self.levels:
            self.generations.advance(_digest(user))

    def forget(self) -> None:
        """Removes marks of generations that are older than anything cached."""
        self.generations.forget()

    def close(self) -> None:
        self.writes.stop()
        for one in self.levels:
            one.level.close()
        self.generations.close()

    def _generation(self, owner: str) -> str | None:
        """None where it cannot be told."""
        if not owner:
            return ""
        try:
            with within(self.terms.deadline):
                return self.generations.of(_digest(owner))
        except UNANSWERED:
            self._count("generations", "", "failed")
            return None

    def _fetch(self, kind: Kind[Any], key: str, begun: float, load: Callable[[], Any], keep: bool) -> Any:
        with within(self.terms.deadline - (self.clock() - begun)):
            found = self._look(kind, key, begun)
        if found is not None:
            return found.value
        value = load()
        if keep:
            self._keep(kind, self.levels, key, NO_VALUE if value is None else kind.encode(value), begun)
        return value

    def _look(self, kind: Kind[Any], key: str, begun: float) -> _Found | None:
        """What the nearest level has that has anything; the levels before it have it then too."""
        for n, one in enumerate(self.levels):
            try:
                kept = one.level.get(key)
                found = None if kept is None else _Found(None if kept == NO_VALUE else kind.decode(kept))
            except UNUSABLE:
                self._count(one.name, kind.name, "failed")
                continue
            self._count(one.name, kind.name, "miss" if found is None else "hit")
            if kept is not None and found is not None:
                self._keep(kind, self.levels[:n], key, kept, begun)
                return found
        return None

    def _keep(self, kind: Kind[Any], levels: Sequence[CacheLevel], key: str, value: bytes, begun: float) -> None:
        """Its time counts from when the request began, which is before the user's generation was asked for."""
        for one in levels:
            longest = one.seconds if value != NO_VALUE else min(one.seconds, self.terms.negative_seconds)
            seconds = longest * (1 - self.terms.jitter * self.draw()) - (self.clock() - begun)
            if one.remote:
                self.writes.offer(partial(self._write, kind, one, key, value, seconds))
            else:
                one.level.put(key, value, seconds)

    def _write(self, kind: Kind[Any], one: CacheLevel, key: str, value: bytes, seconds: float) -> None:
        try:
            one.level.put(key, value, seconds)
        except UNANSWERED:
            self._count(one.name, kind.name, "failed")

    def _count(self, level: str, kind: str, outcome: str) -> None:
        with self._counting:
            self.counts[level, kind, outcome] += 1


def _digest(*parts: str) -> str:
    """Of one length, whatever is said; in a cache's keys stands nobody's name."""
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
