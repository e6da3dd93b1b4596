"""Levels one after the other: what is loaded is loaded once, kept for its time, and given up on where a level does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
from redis.exceptions import ConnectionError as RedisGone

from serving.caches.kind import Kind
from serving.caches.memory import MemoryLevel
from serving.caches.memory_generations import MemoryGenerations
from serving.caches.tiered import CacheLevel, CacheTerms, TieredCache
from serving.errors import Late
from serving.stores.breaker import IN_A_ROW, Breaker, guarded
from serving.stores.deadline import within
from tests.serving.caches.conftest import LASTS, PATIENT, Hand
from tests.waiting import eventually

TEXT: Kind[str] = Kind("text", "1", str.encode, bytes.decode)
TERMS = CacheTerms(PATIENT, 30, 0)


class Recorded(MemoryLevel):
    """Remembers what was put, and fails when told to."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(1_000_000, clock)
        self.puts: list[tuple[str, bytes, float]] = []
        self.asked = 0
        self.fails: Exception | None = None
        self.go = threading.Event()
        self.go.set()

    def get(self, key: str) -> bytes | None:
        self.asked += 1
        assert self.go.wait(PATIENT)
        if self.fails:
            raise self.fails
        return super().get(key)

    def put(self, key: str, value: bytes, seconds: float) -> None:
        if self.fails:
            raise self.fails
        self.puts.append((key, value, seconds))
        super().put(key, value, seconds)


class Source:
    def __init__(self) -> None:
        self.has: dict[str, str] = {}
        self.asked = list[str]()

    def load(self, key: str) -> Callable[[], str | None]:
        def loaded() -> str | None:
            self.asked.append(key)
            return self.has.get(key)

        return loaded


class Tried:
    """A cache of two levels over a source, and its parts."""

    def __init__(self, hand: Hand, terms: CacheTerms = TERMS, **more: Any) -> None:
        self.near, self.far, self.source = Recorded(hand), Recorded(hand), Source()
        self.breaker = Breaker("far", least=0.0, hang=terms.deadline)
        far = CacheLevel("far", guarded(self.far, self.breaker), 3600, remote=True)
        self.cache = TieredCache((CacheLevel("near", self.near, 300), far), MemoryGenerations(LASTS), terms, clock=hand, **more)

    def get(self, key: str, owner: str = "") -> str | None:
        return self.cache.get(TEXT, owner, (key,), self.source.load(key))

    def outcomes(self, level: str) -> dict[str, int]:
        return {outcome: n for (of, _, outcome), n in self.cache.counts.items() if of == level}


@pytest.fixture
def tried(hand: Hand) -> Iterator[Tried]:
    made = Tried(hand)
    yield made
    made.cache.close()


def in_threads(n: int, work: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for _ in range(n)]
    for thread in threads:
        thread.start()
    return threads


def test_the_nearest_level_that_has_it_answers_and_those_before_it_learn_it(tried: Tried, hand: Hand) -> None:
    tried.source.has["a"] = "one"
    assert tried.get("a") == "one"
    tried.cache.writes.settle()
    assert [tried.get("a"), tried.source.asked, tried.far.asked] == ["one", ["a"], 1], "the second time the nearest one answers"
    hand.now += 301
    assert [tried.get("a"), tried.source.asked, tried.far.asked] == ["one", ["a"], 2], "it has let it go: the next one answers"
    assert [tried.get("a"), tried.far.asked] == ["one", 2], "and the nearest has it again"
    assert tried.outcomes("near") == {"miss": 2, "hit": 2} and tried.outcomes("far") == {"miss": 1, "hit": 1}


def test_bytes_of_no_value_count_as_none(tried: Tried) -> None:
    tried.source.has["a"] = "one"
    tried.get("a")
    key = tried.near.puts[0][0]
    MemoryLevel.put(tried.near, key, b"\xff\xfe", 300)
    assert tried.get("a") == "one" and tried.outcomes("near")["failed"] == 1
    assert tried.near.get(key) == b"one", "and are replaced"


def test_another_form_another_version_or_another_user_is_another_value(tried: Tried) -> None:
    other: Kind[str] = Kind("text", "2", str.encode, bytes.decode)
    keys: list[tuple[Kind[str], str, Sequence[str]]] = [
        (TEXT, "", ("v1", "a")), (other, "", ("v1", "a")), (TEXT, "", ("v2", "a")), (TEXT, "", ("v1", "b")), (TEXT, "", ("v1a", "")),
    ]  # fmt: skip
    for n, (kind, owner, parts) in enumerate(keys):
        assert tried.cache.get(kind, owner, parts, lambda n=n: str(n)) == str(n)  # type: ignore[misc]
    assert len({key for key, _, _ in tried.near.puts}) == len(keys)
    assert not any("v1" in key for key, _, _ in tried.near.puts), "what it is of does not stand in a key"


def test_that_there_is_none_is_remembered_shortly(tried: Tried, hand: Hand) -> None:
    assert [tried.get("a"), tried.get("a"), tried.source.asked] == [None, None, ["a"]]
    tried.cache.writes.settle()
    tried.source.has["a"] = "one"
    hand.now += 29
    assert tried.get("a") is None
    hand.now += 2
    assert tried.get("a") == "one", "at every level"


def test_what_came_together_does_not_end_together(hand: Hand) -> None:
    draws = iter([0.0, 0.0, 0.25, 0.5, 1.0, 1.0])
    tried = Tried(hand, CacheTerms(PATIENT, 30, 0.1), draw=lambda: next(draws))
    for key in "abc":
        tried.source.has[key] = key
        tried.get(key)
    tried.cache.writes.settle()
    near, far = ([seconds for _, _, seconds in level.puts] for level in (tried.near, tried.far))
    assert near == pytest.approx([300, 292.5, 270]) and far == pytest.approx([3600, 3420, 3240])
    tried.cache.close()


def test_an_entrys_time_counts_from_when_it_was_asked_for(tried: Tried, hand: Hand) -> None:
    """What was loaded slowly may be as old as the request: its user's generation is of then."""

    def slowly(seconds: float) -> str:
        hand.now += seconds
        return "one"

    assert tried.cache.get(TEXT, "u1", ("a",), lambda: slowly(290)) == "one"
    assert [seconds for _, _, seconds in tried.near.puts] == pytest.approx([10])
    assert tried.cache.get(TEXT, "u1", ("b",), lambda: slowly(310)) == "one"
    key = tried.near.puts[1][0]
    assert tried.near.get(key) is None, "it is over before it could be kept"


def test_a_value_is_loaded_once_at_a_time(tried: Tried) -> None:
    go, came = threading.Event(), list[str | None]()

    def slowly() -> str:
        tried.source.asked.append("a")
        assert go.wait(PATIENT)
        return "one"

    threads = in_threads(8, lambda: came.append(tried.cache.get(TEXT, "", ("a",), slowly)))
    eventually(lambda: bool(tried.source.asked))
    assert tried.get("b") is None, "other keys do not wait for it"
    go.set()
    for thread in threads:
        thread.join()
    assert came == ["one"] * 8 and tried.source.asked.count("a") == 1


def test_whoever_waited_for_a_load_that_failed_loads_it(tried: Tried) -> None:
    go, came, tries = threading.Event(), list[object](), list[int]()

    def load() -> str:
        tries.append(1)
        if len(tries) == 1:
            assert go.wait(PATIENT)
            raise ConnectionError("gone")
        return "one"

    def ask() -> None:
        try:
            came.append(tried.cache.get(TEXT, "", ("a",), load))
        except ConnectionError as error:
            came.append(str(error))

    threads = in_threads(1, ask)
    eventually(lambda: bool(tries))
    threads += in_threads(3, ask)
    go.set()
    for thread in threads:
        thread.join()
    assert sorted(map(str, came)) == ["gone", "one", "one", "one"] and len(tries) == 2


def test_nobody_waits_for_anothers_load_longer_than_they_have(tried: Tried) -> None:
    go, begun = threading.Event(), threading.Event()

    def slowly() -> str:
        begun.set()
        assert go.wait(PATIENT)
        return "one"

    threads = in_threads(1, lambda: tried.cache.get(TEXT, "", ("a",), slowly))
    assert begun.wait(PATIENT)
    with within(0.01), pytest.raises(Late):
        tried.get("a")
    go.set()
    threads[0].join()


@pytest.mark.parametrize("error", [RedisGone("gone"), OSError("no route")])
def test_a_level_that_fails_is_one_that_has_nothing(tried: Tried, error: Exception) -> None:
    tried.far.fails, tried.source.has = error, {str(n): str(n) for n in range(20)}
    assert [tried.get(str(n)) for n in range(20)] == [str(n) for n in range(20)]
    tried.cache.writes.settle()
    assert tried.far.asked <= IN_A_ROW, "it is soon not asked any more"
    assert "gone" in tried.breaker.trouble or "no route" in tried.breaker.trouble


def test_a_level_that_hangs_costs_its_deadline_and_then_nothing(hand: Hand) -> None:
    """Of so many look-ups, one waits until the deadline; while its call hangs nobody asks that level again."""
    tried = Tried(hand, CacheTerms(0.01, 30, 0))
    tried.source.has = {str(n): str(n) for n in range(50)}
    tried.far.go.clear()
    assert [tried.get(str(n)) for n in range(50)] == [str(n) for n in range(50)]
    assert 1 <= tried.far.asked <= 3, "a call that was just begun may be joined by another one"
    assert tried.breaker.trouble
    tried.far.go.set()
    eventually(lambda: not tried.breaker.trouble)
    tried.cache.close()


def test_where_a_users_generation_cannot_be_told_nothing_is_used_or_kept(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    tried.source.has["a"] = "one"
    assert tried.get("a", owner="u1") == "one"
    tried.source.has["a"] = "two"

    def gone(owner: str) -> str:
        raise RedisGone("gone")

    with monkeypatch.context() as patch:
        patch.setattr(tried.cache.generations, "of", gone)
        assert [tried.get("a", owner="u1") for _ in range(2)] == ["two", "two"]
        assert tried.cache.counts["generations", "", "failed"] == 2
    assert tried.get("a", owner="u1") == "one", "what was cached is used again: nothing happened to the user"
    tried.cache.advance("u1")
    assert tried.get("a", owner="u1") == "two"


def test_what_cannot_be_marked_is_not_acknowledged(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(owner: str) -> None:
        raise RedisGone("gone")

    monkeypatch.setattr(tried.cache.generations, "advance", gone)
    with pytest.raises(RedisGone):
        tried.cache.advance("u1")


def test_values_are_decoded_from_bytes_that_hold_no_code() -> None:
    """MessagePack or text: a value is one of the kind's type, or is none."""
    numbers: Kind[list[int]] = Kind("numbers", "1", msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[int]).decode)
    cache = TieredCache((CacheLevel("l1", level := MemoryLevel(10_000), 300),), MemoryGenerations(LASTS), TERMS)
    assert cache.get(numbers, "", ("a",), lambda: [1, 2]) == [1, 2]
    key = next(iter(level._kept))
    level.put(key, b"cposix\nsystem\n(S'true'\ntR.", 300)  # what a pickle that runs a command looks like
    assert cache.get(numbers, "", ("a",), lambda: [3]) == [3]
