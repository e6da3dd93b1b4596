"""The population stability index, and how large it gets by chance."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

BINS: Final = 10
WORDS: Final = 30
"""The most frequent words of a string column that have a bin of their own; the rest share one."""
EMPTY: Final = 0.5
"""Rows an empty bin counts as, so that the index stays finite."""


def _numbers(reference: NDArray[np.float64], current: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows per bin: deciles of the reference (fewer where values repeat), and one bin for nulls."""
    known = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="lower")) if len(known) else np.empty(0)

    def count(values: NDArray[np.float64]) -> NDArray[np.int64]:
        bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))
        return np.bincount(bins, minlength=len(edges) + 2)

    return count(reference), count(current)


def _words(reference: NDArray[np.object_], current: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    words, counts = np.unique(reference.astype(str), return_counts=True)
    kept = words[np.argsort(-counts, kind="stable")][:WORDS]
    place = {w: i for i, w in enumerate(kept)}

    def count(values: NDArray[np.object_]) -> NDArray[np.int64]:
        found, n = np.unique(values.astype(str), return_counts=True)
        out = np.zeros(len(kept) + 1, np.int64)
        np.add.at(out, [place.get(w, len(kept)) for w in found], n)
        return out

    return count(reference), count(current)


def psi(reference: np.ndarray, current: np.ndarray) -> tuple[float, float]:
    """(index, its 99.9 % quantile if nothing had changed); shapes (n,) and (m,), numbers or strings, both not empty.

    sum over bins of (p - q) ln(p / q). Under no change it is about (1/n + 1/m) times a chi-squared with one degree of freedom
    fewer than bins (Yurdakul and Naranjo, "Statistical properties of the population stability index", 2020).

    A column that was half "a", half "b" and is now three quarters "a": (0.75 - 0.5) ln(0.75 / 0.5) + (0.25 - 0.5) ln(0.25 / 0.5).

    >>> before, now = (np.array(list(text), dtype=object) for text in ("aabb", "aaab"))
    >>> round(psi(before, now)[0], 4)
    0.2747
    """
    words = reference.dtype == object
    counts = _words(reference, current) if words else _numbers(*(v.astype(np.float64) for v in (reference, current)))
    used = (counts[0] + counts[1]) > 0
    p, q = (np.maximum(c[used], EMPTY) / c.sum() for c in counts)
    degrees = max(int(used.sum()) - 1, 1)
    chance = (1 / len(reference) + 1 / len(current)) * chi2.ppf(0.999, degrees)
    return float(np.sum((p - q) * np.log(p / q))), float(chance)
