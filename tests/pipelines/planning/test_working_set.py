"""Predicted hit ratios, beside caches that are simulated request by request."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

from pipelines.planning.working_set import CacheSize, hit_ratios, zipf

KEYS, RATE = 5_000, 1_000.0


class Simulated:
    """An LRU cache whose entries end; time is told to it."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self.kept: OrderedDict[int, float] = OrderedDict()

    def has(self, key: int, now: float) -> bool:
        """Whether it is there; it is afterwards."""
        if self.kept.get(key, -1.0) > now:
            self.kept.move_to_end(key)
            return True
        self.kept.pop(key, None)
        while self.kept and next(iter(self.kept.values())) <= now:
            self.kept.popitem(last=False)
        if len(self.kept) >= self.most:
            self.kept.popitem(last=False)
        self.kept[key] = now + self.seconds
        return False


def simulated(exponent: float, near: CacheSize, far: CacheSize, entry: int, requests: int = 120_000) -> list[float]:
    rng = np.random.default_rng(7)
    keys = rng.choice(KEYS, requests, p=zipf(KEYS, exponent)).tolist()
    at = np.cumsum(rng.exponential(1 / RATE, requests)).tolist()
    by = rng.integers(near.copies, size=requests).tolist()
    ones = [Simulated(int(near.most_bytes // entry), near.seconds) for _ in range(near.copies)]
    behind = Simulated(int(far.most_bytes // entry), far.seconds)
    asked, found = [0, 0], [0, 0]
    for n, (key, now, who) in enumerate(zip(keys, at, by, strict=True)):
        late = n > requests // 3
        asked[0] += late
        if ones[who].has(key, now):
            found[0] += late
            continue
        asked[1] += late
        there = behind.has(key, now)
        found[1] += late and there
    return [f / a for f, a in zip(found, asked, strict=True)]


@pytest.mark.parametrize("exponent", [0.6, 0.9, 1.2])
@pytest.mark.parametrize(
    ("near", "far"),
    [
        (CacheSize(200_000, 1e9), CacheSize(1_000_000, 1e9)),  # neither entry ends
        (CacheSize(1e12, 2), CacheSize(1e12, 20)),  # all have room
        (CacheSize(200_000, 2, copies=4), CacheSize(1_500_000, 20)),  # both, and four workers before one Redis
    ],
)
def test_it_is_what_a_simulation_finds(exponent: float, near: CacheSize, far: CacheSize) -> None:
    predicted = hit_ratios(RATE * zipf(KEYS, exponent), 1_000, [near, far])
    assert predicted == pytest.approx(simulated(exponent, near, far, 1_000), abs=0.03)


def test_by_hand() -> None:
    rates = np.array([3.0, 1.0])
    assert hit_ratios(rates, 1.0, [CacheSize(1e9, 2.0)]) == pytest.approx([(3 * 6 / 7 + 1 * 2 / 3) / 4]), "an entry's life and nothing else"
    assert hit_ratios(rates, 1.0, [CacheSize(2.0, 1e12)]) == pytest.approx([1.0]), "room for all, for ever"
    assert hit_ratios(rates, 1.0, [CacheSize(0.0, 10.0)]) == pytest.approx([0.0], abs=1e-6)


def test_sizes_of_keys_count() -> None:
    rates, sizes = np.full(100, 1.0), np.where(np.arange(100) < 50, 1.0, 9.0)
    mixed, even = (hit_ratios(rates, size, [CacheSize(250, 1e6)]) for size in (sizes, 5.0))
    assert [*mixed, *even] == pytest.approx([0.5, 0.5], abs=0.01)


def test_more_room_or_time_never_finds_less() -> None:
    rates = RATE * zipf(KEYS, 0.9)
    for sizes in ([CacheSize(b, 5.0) for b in (1e4, 1e5, 1e6, 1e7)], [CacheSize(1e5, s) for s in (0.1, 1.0, 10.0, 100.0)]):
        found = [hit_ratios(rates, 1_000, [size])[0] for size in sizes]
        assert found == sorted(found)
