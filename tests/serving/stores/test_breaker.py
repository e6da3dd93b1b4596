"""A store that hangs or fails costs a request no more time than it has, and the next ones nothing; it is found well again by itself."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis.exceptions import ConnectionError as RedisGone

from serving.errors import Broken, Late, ServingError
from serving.stores.breaker import AT_ONCE, IN_A_ROW, REST_SECONDS, Breaker, guarded
from serving.stores.deadline import due, left
from tests.waiting import eventually

SECONDS = 60
"""Far more than anything here takes."""


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Store:
    """A store that does what it is told."""

    kind = "a store"

    def __init__(self) -> None:
        self.asked = 0
        self.fails: Exception | None = None
        self.go = threading.Event()
        self.go.set()

    def ask(self, question: str) -> str:
        self.asked += 1
        assert self.go.wait(SECONDS)
        if self.fails:
            raise self.fails
        return question.upper()

    def close(self) -> None:
        self.asked = -1


@contextmanager
def hurried() -> Iterator[None]:
    with due(time.perf_counter() + 0.01):
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("ledger", clock)


@pytest.fixture
def store() -> Store:
    return Store()


def fail(store: Store, breaker: Breaker, error: Exception, times: int) -> None:
    store.fails = error
    for _ in range(times):
        with pytest.raises(type(error)):
            guarded(store, breaker).ask("?")


def test_deadlines_hold_within_their_block_and_are_infinite_outside() -> None:
    assert left() == float("inf")
    with due(time.perf_counter() + 60):
        assert 59 < left() <= 60
        with due(time.perf_counter() - 1):
            assert left() <= -1
        assert left() > 59
    assert left() == float("inf")


@pytest.mark.parametrize("in_time", [True, False])
def test_what_is_asked_in_time_is_answered(breaker: Breaker, store: Store, in_time: bool) -> None:
    asked = guarded(store, breaker)
    assert asked.kind == "a store"
    if in_time:
        with due(time.perf_counter() + SECONDS):
            assert asked.ask("a") == "A" and asked.ask("b") == "B"
    assert asked.ask("c") == "C" and not breaker.trouble
    asked.close()
    assert store.asked == -1


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("database is locked"), RedisGone("refused"), TimeoutError("late"), OSError("x")]
)
def test_a_store_that_fails_is_left_alone_and_tried_once_a_second(
    breaker: Breaker, clock: Clock, store: Store, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    fail(store, breaker, error, IN_A_ROW)
    assert str(error) in breaker.trouble
    for _ in range(100):
        with pytest.raises(Broken) as refused, hurried():
            guarded(store, breaker).ask("?")
    assert (refused.value.thing, store.asked) == ("ledger", IN_A_ROW), "it is not asked at all"
    clock.now += REST_SECONDS
    fail(store, breaker, error, 1)
    with pytest.raises(Broken):
        guarded(store, breaker).ask("?")
    assert store.asked == IN_A_ROW + 1, "one call a second"
    clock.now += REST_SECONDS
    store.fails = None
    assert guarded(store, breaker).ask("a") == "A" and not breaker.trouble
    assert guarded(store, breaker).ask("b") == "B"


def test_one_call_tries_while_the_others_are_refused(breaker: Breaker, clock: Clock, store: Store) -> None:
    fail(store, breaker, OSError("gone"), IN_A_ROW)
    clock.now += REST_SECONDS
    store.fails = None
    store.go.clear()
    with pytest.raises(Late), hurried():
        guarded(store, breaker).ask("a")
    clock.now += 10
    with pytest.raises(Broken):
        guarded(store, breaker).ask("b")
    assert store.asked == IN_A_ROW + 1
    store.go.set()
    eventually(lambda: not breaker.trouble)
    assert guarded(store, breaker).ask("b") == "B"


def test_failures_that_do_not_follow_each_other_open_nothing(breaker: Breaker, store: Store) -> None:
    for _ in range(5):
        fail(store, breaker, OSError("gone"), IN_A_ROW - 1)
        store.fails = None
        assert guarded(store, breaker).ask("a") == "A"


@pytest.mark.parametrize(
    "error", [ValueError("a wrong question"), ServingError("x", "y", "z"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "x")]
)
def test_who_asks_wrongly_breaks_nothing_for_others(breaker: Breaker, store: Store, error: Exception) -> None:
    fail(store, breaker, error, 10 * IN_A_ROW)
    assert not breaker.trouble and store.asked == 10 * IN_A_ROW


def test_a_call_that_hangs_is_given_up_and_the_next_do_not_join_it(breaker: Breaker, clock: Clock, store: Store) -> None:
    store.go.clear()
    with pytest.raises(Late), hurried():
        guarded(store, breaker).ask("a")
    clock.now += 5
    assert "5.0 s" in breaker.trouble
    for _ in range(100):
        with pytest.raises(Broken), hurried():
            guarded(store, breaker).ask("b")
        with pytest.raises(Broken), hurried():
            breaker.check()
    assert store.asked == 1
    store.go.set()
    eventually(lambda: not breaker.trouble)
    with due(time.perf_counter() + SECONDS):
        assert guarded(store, breaker).ask("b") == "B"


def test_hanging_calls_are_so_many_at_most(breaker: Breaker, store: Store) -> None:
    store.go.clear()
    for _ in range(AT_ONCE):
        with pytest.raises(Late), hurried():
            guarded(store, breaker).ask("a")
    with pytest.raises(Broken), hurried():
        guarded(store, breaker).ask("a")
    assert store.asked == AT_ONCE
    store.go.set()


def test_it_is_said_once_that_a_store_does_not_answer(
    breaker: Breaker, clock: Clock, store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.seldom import Seldom

    monkeypatch.setattr("serving.stores.breaker.SELDOM", Seldom(clock))
    with caplog.at_level(logging.INFO):
        for _ in range(20):
            fail(store, breaker, OSError("gone"), IN_A_ROW if not breaker.trouble else 1)
            clock.now += REST_SECONDS
            store.fails = None
            guarded(store, breaker).ask("a")
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1
    assert len([r for r in caplog.records if "answers again" in r.getMessage()]) == 1
