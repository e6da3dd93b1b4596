"""How often each level of a cache has what is asked for: least recently used within so many bytes, each entry for so many seconds.

Requests for a key are taken to come at random at the key's own rate. Of an LRU cache that is large beside its entries, a key is still there
while no more than the cache's characteristic time has passed since it was last asked for: Che, Tung, Wang, "Hierarchical Web Caching
Systems: Modeling, Design and Experimental Results", IEEE JSAC 20(7), 2002. Here an entry also ends so long after it was put, however
often it is asked for. What one level does not have is taken to come to the next one at random too; behind a single cache it does not quite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rates = NDArray[np.float64]
"""Requests a second of each key: (n,)."""
MOST_LOAD: Final = 50.0
"""Requests for a key within the characteristic time from which on it is never let go: a gap without any has probability exp(-50)."""
ROUNDS: Final = 100
"""Halvings in the search for a characteristic time."""


@dataclass(frozen=True)
class CacheSize:
    """most_bytes: of each cache of the level; seconds: how long an entry lasts; copies: how many caches share the level's requests, each
    key's at random."""

    most_bytes: float
    seconds: float
    copies: int = 1


def zipf(keys: int, exponent: float) -> NDArray[np.float64]:
    """The share of requests that each key gets: (keys,), falling, with the sum 1."""
    weights = np.arange(1, keys + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum())


def hit_ratios(rates: Rates, entry_bytes: float | NDArray[np.float64], levels: Sequence[CacheSize]) -> list[float]:
    """The share of each level's look-ups that it answers, the nearest level first; each is asked for what those before it do not have.
    rates: of all requests; entry_bytes: what a key takes, one number for all, or (n,)."""
    out, asked = list[float](), rates
    for level in levels:
        shares = _shares(asked / level.copies, entry_bytes, level)
        total = float(asked.sum())
        out.append(float((asked * shares).sum()) / total if total else 0.0)
        asked = asked * (1 - shares)
    return out


def _shares(rates: Rates, entry_bytes: float | NDArray[np.float64], level: CacheSize) -> NDArray[np.float64]:
    """Of each key's requests those that one cache of a level answers: also the share of time that the key is there."""
    low, high = 0.0, level.seconds  # an entry that is asked for within its life is not let go before
    if _taken(rates, entry_bytes, level.seconds, high) > level.most_bytes:
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            low, high = (middle, high) if _taken(rates, entry_bytes, level.seconds, middle) <= level.most_bytes else (low, middle)
    return _there(rates, level.seconds, (low + high) / 2 if low else high)


def _taken(rates: Rates, entry_bytes: float | NDArray[np.float64], seconds: float, characteristic: float) -> float:
    return float((entry_bytes * _there(rates, seconds, characteristic)).sum())


def _there(rates: Rates, seconds: float, characteristic: float) -> NDArray[np.float64]:
    """The share of time that each key is in the cache.

    An entry's stay ends after `seconds`, or before, once it was not asked for during the characteristic time C ≤ seconds. It lasts C at
    least. How much longer it lasts is nearly exponential, with the mean that makes the whole stay (exp(rate × C) - 1) / rate where nothing
    else ends it. Requests during a stay of mean length D are rate × D hits on one miss.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        load = np.minimum(rates * characteristic, MOST_LOAD)
        beyond = np.where(rates > 0, np.expm1(load) / np.where(rates > 0, rates, 1.0) - characteristic, 0.0)
        once_asked = -np.expm1(-load)
        mean = np.where(once_asked > 0, beyond / np.where(once_asked > 0, once_asked, 1.0), 0.0)
        rest = seconds - characteristic
        longer = np.where(mean > 0, -mean * np.expm1(-rest / np.where(mean > 0, mean, 1.0)), 0.0)
    hits = rates * (characteristic + once_asked * np.minimum(longer, rest))
    return np.asarray(hits / (1 + hits))
