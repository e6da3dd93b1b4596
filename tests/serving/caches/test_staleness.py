"""No reader that begins after an invalidation was acknowledged gets what was true before it, whatever runs beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.bench.serving.cache_reads import NUMBER, race
from serving.caches.generations import Generations
from serving.caches.memory import MemoryLevel
from serving.caches.memory_generations import MemoryGenerations
from serving.caches.tiered import CacheLevel, CacheTerms, TieredCache
from tests.examples import examples
from tests.serving.caches.conftest import LASTS, PATIENT, Hand

TERMS = CacheTerms(PATIENT, 30, 0.5)
WORKERS, READS, USERS = 3, 300, 3


def worker(generations: Generations, shared: MemoryLevel, hand: Hand) -> TieredCache:
    """Of several that share a far level, as they share Redis."""
    return TieredCache((CacheLevel("l1", MemoryLevel(50_000, hand), 20), CacheLevel("l2", shared, 40, remote=True)), generations, TERMS)


def test_concurrent_readers_and_writers(generations: Generations, hand: Hand) -> None:
    shared = MemoryLevel(50_000, hand)
    workers = [worker(generations, shared, hand) for _ in range(WORKERS)]
    found = race(workers, USERS, 2 * WORKERS, READS)
    for one in workers:
        one.writes.stop()
    assert found.stale == 0
    assert found.events > USERS


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 1), st.integers(0, 1)),
        st.tuples(st.just("event"), st.integers(0, 1), st.integers(0, 1)),
        st.tuples(st.just("pass"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("forget"), st.integers(0, 1), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=examples(200), deadline=None)
def test_whatever_happens_in_whatever_order(steps: list[tuple[str, int, int]]) -> None:
    """Reads and events of two users on two workers, time that passes, marks that are forgotten: a read brings what is true since the user's
    last event. The source itself changes with each event only."""
    hand = Hand()
    generations, shared, truth = MemoryGenerations(LASTS, hand), MemoryLevel(50_000, hand), [0, 0]
    workers = [worker(generations, shared, hand) for _ in range(2)]
    for step, a, b in steps:
        if step == "read":
            assert workers[a].get(NUMBER, str(b), (str(b),), lambda b=b: truth[b]) == truth[b]  # type: ignore[misc]
            workers[a].writes.settle()
        elif step == "event":
            truth[b] += 1
            workers[a].advance(str(b))
        elif step == "pass":
            hand.now += a
        else:
            workers[a].forget()
    for one in workers:
        one.writes.stop()


def test_a_row_that_was_loaded_before_an_event_and_kept_after_it_is_not_used(tmp_path: Path, hand: Any) -> None:
    """The reader asks for the generation, loads what is about to be out of date, and is slow to keep it."""
    generations, shared = MemoryGenerations(LASTS, hand), MemoryLevel(50_000, hand)
    one, other = worker(generations, shared, hand), worker(generations, shared, hand)

    def load() -> int:
        other.advance("u1")  # acknowledged while this load is under way
        return 1

    assert one.get(NUMBER, "u1", ("u1",), load) == 1
    one.writes.settle()
    assert [w.get(NUMBER, "u1", ("u1",), lambda: 2) for w in (one, other)] == [2, 2]
    for each in (one, other):
        each.writes.stop()
