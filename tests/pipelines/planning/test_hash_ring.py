"""Consistent hashing: everybody has one shard, shards are even, and few keys move."""

from __future__ import annotations

import mmh3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import PipelineError
from pipelines.planning.hash_ring import EVEN, HashRing, even_ring, hashed
from tests.examples import examples


def names(count: int) -> list[str]:
    return [f"s{n}" for n in range(count)]


def by_hand(ring: HashRing, key: str) -> str:
    """The shard of the first point at or after the key, found one point at a time."""
    points = [(mmh3.hash64(f"{shard}#{n}", signed=False)[0], shard) for shard in ring.shards for n in range(ring.virtual_nodes)]
    at = mmh3.hash64(key, signed=False)[0]
    after = sorted(p for p in points if p[0] >= at)
    return (after or sorted(points))[0][1]


@settings(max_examples=examples(40), deadline=None)
@given(shards=st.integers(1, 9), nodes=st.integers(1, 12), keys=st.lists(st.text(max_size=20), min_size=1, max_size=20))
def test_a_key_belongs_to_the_first_point_at_or_after_it(shards: int, nodes: int, keys: list[str]) -> None:
    ring = HashRing.of(names(shards), nodes)
    placed = [ring.shards[p] for p in ring.places(hashed(keys))]
    assert placed == [ring.place(key) for key in keys] == [by_hand(ring, key) for key in keys]


@settings(max_examples=examples(20), deadline=None)
@given(shards=st.integers(1, 40), added=st.integers(1, 10))
def test_a_key_moves_only_to_a_shard_that_is_new(shards: int, added: int) -> None:
    before, after = HashRing.of(names(shards), 20), HashRing.of(names(shards + added), 20)
    keys = hashed(f"u{n}" for n in range(2_000))
    old, new = before.places(keys), after.places(keys)
    assert (new[new != old] >= shards).all()
    assert before.moved(after, keys) == np.mean(new != old)


@pytest.mark.parametrize("shards", [1, 2, 32, 256])
def test_virtual_nodes_are_raised_until_shards_are_even(shards: int) -> None:
    usual, even = HashRing.of(names(shards)), even_ring(names(shards))
    assert even.max_over_mean <= EVEN
    assert (even.virtual_nodes > usual.virtual_nodes) == (usual.max_over_mean > EVEN)
    assert even.shares().sum() == pytest.approx(1)


def test_the_rings_own_shares_are_what_keys_meet() -> None:
    ring = even_ring(names(32))
    held = np.bincount(ring.places(hashed(f"u{n}" for n in range(200_000))), minlength=32) / 200_000
    assert np.abs(held - ring.shares()).max() < 5 * np.sqrt(1 / 32 / 200_000), "five standard errors of a shard's share"


def test_few_keys_move_when_shards_are_added() -> None:
    ring = even_ring(names(64))
    keys = hashed(f"u{n}" for n in range(200_000))
    for added in (1, 6, 16):
        moved = ring.moved(HashRing.of(names(64 + added), ring.virtual_nodes), keys)
        assert 0 < moved <= 1.1 * added / (64 + added)


def test_a_ring_that_would_not_fit_is_refused() -> None:
    with pytest.raises(PipelineError, match="larger shards"):
        HashRing.of(names(300_000))
