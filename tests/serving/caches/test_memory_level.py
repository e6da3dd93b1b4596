"""The level in the process keeps its bound in bytes, whatever is put, and lets go what was not used for longest."""

from __future__ import annotations

import gc
import tracemalloc
from collections import OrderedDict

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.caches.memory import ENTRY_BYTES, MemoryLevel
from tests.examples import examples
from tests.serving.caches.conftest import Hand

BOUND = 8 * ENTRY_BYTES
SIZES = st.one_of(st.none(), st.integers(0, 3 * ENTRY_BYTES), st.just(BOUND))
STEPS = st.lists(st.tuples(st.sampled_from("abcdefghij"), SIZES, st.integers(0, 20), st.integers(0, 5)), max_size=60)
"""Key; bytes to put under it, or None to get it; seconds that it lasts; seconds that pass before."""


@given(STEPS)
@settings(max_examples=examples(200), deadline=None)
def test_it_is_an_lru_of_so_many_bytes(steps: list[tuple[str, int | None, int, int]]) -> None:
    """Against the plainest model of one: an ordered dictionary."""
    clock = Hand()
    level, model, evicted = MemoryLevel(BOUND, clock), OrderedDict[str, tuple[bytes, float]](), 0
    for key, size, seconds, passed in steps:
        clock.now += passed
        for old in [k for k, (_, until) in model.items() if until <= clock.now]:
            del model[old]
        if size is None:
            assert level.get(key) == (model[key][0] if key in model else None)
            if key in model:
                model.move_to_end(key)
        else:
            value = bytes(size)
            level.put(key, value, seconds)
            if seconds > 0 and size + 1 + ENTRY_BYTES <= BOUND:
                model.pop(key, None)
                while sum(len(v) + 1 + ENTRY_BYTES for v, _ in model.values()) + size + 1 + ENTRY_BYTES > BOUND:
                    model.popitem(last=False)
                    evicted += 1
                model[key] = (value, clock.now + seconds)
        assert level.held_bytes <= BOUND
    assert {k for k in "abcdefghij" if level.get(k) is not None} == set(model)
    assert level.evicted == evicted


def test_the_bound_is_that_of_the_memory_it_takes() -> None:
    """Entries of the size of users' rows, and the smallest ones, several times as many as there is room for."""
    for size in (0, 1_400):
        gc.collect()
        tracemalloc.start()
        level, before = MemoryLevel(2_000_000), tracemalloc.get_traced_memory()[0]
        for n in range(4 * 2_000_000 // (ENTRY_BYTES + size)):
            level.put(f"user:{n:032d}", bytes(size), 300)
        taken = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert 0.6 * level.held_bytes < taken <= 2_000_000, (size, taken, level.held_bytes)
        assert level.evicted > 0
