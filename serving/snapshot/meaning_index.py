"""The vectors of ads' texts, in order of category and then of neighbourhood: what search by meaning scans lies side by side.

Up to EXACT ads of a query's categories are scanned, all of them. Of more, as many are looked at as LOOKED_AT says, in the k-means
cells nearest to the query (an inverted file: Jégou, Douze and Schmid 2011), by cosine (spherical k-means: Dhillon and Modha 2001).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.request_time import CATEGORY_NUMBER
from feature_repo.taxonomy import CATEGORIES

EXACT: Final = 200_000
"""Most ads that are all scanned; a catalogue of more has cells."""
LOOKED_AT: Final = 100_000
"""Ads of the nearest cells that are scanned where there are more than EXACT."""
PER_CELL: Final = 1_000
"""Ads, on average."""
SAMPLED: Final = 16
"""One value in this many is sampled to guess where the best k end."""
GIVEN: Final = "text.vectors"
VECTORS, ROW, PLACE, STARTS = "meaning.vectors", "meaning.row", "meaning.place", "meaning.starts"
CENTRES, CATEGORY = "meaning.centres", "meaning.category"


def arranged_by_meaning(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A snapshot's columns with GIVEN, (ads, d) unit rows, replaced by VECTORS in an order of their own; ROW and PLACE lead from that
    order to the ads' rows and back. Each cell is of one CATEGORY and begins where STARTS says. Deterministic."""
    out = dict(columns)
    vectors = out.pop(GIVEN, None)
    if vectors is None:
        return out
    vectors, category = np.ascontiguousarray(vectors, np.float32), np.asarray(columns["ad.category_code"])
    order, starts, centres, of = [np.empty(0, np.int64)], [0], [np.empty((0, vectors.shape[1]), np.float32)], []
    for number in range(len(CATEGORIES)):
        rows = np.flatnonzero(category == number)
        many = max(len(rows) // PER_CELL, 1) if len(vectors) > EXACT else 1
        cell, means = _cells(vectors[rows], many)
        order.append(rows[np.argsort(cell, kind="stable")])
        starts += (starts[-1] + np.cumsum(np.bincount(cell, minlength=many))).tolist()
        centres.append(means)
        of += [number] * many
    row = np.concatenate(order)
    return out | {
        VECTORS: vectors[row], ROW: row.astype(np.int32), PLACE: np.argsort(row).astype(np.int32), STARTS: np.array(starts, np.int64),
        CENTRES: np.concatenate(centres), CATEGORY: np.array(of, np.int32),
    }  # fmt: skip


def _cells(vectors: NDArray[np.float32], many: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The cell of each vector, and the cells' centres: k-means by faiss, with a fixed seed, in one thread."""
    if many == 1:
        return np.zeros(len(vectors), np.int64), np.zeros((1, vectors.shape[1]), np.float32)
    import faiss

    faiss.omp_set_num_threads(1)
    means = faiss.Kmeans(vectors.shape[1], many, niter=6, seed=7, max_points_per_centroid=60, min_points_per_centroid=1, spherical=True)
    means.train(vectors)
    return np.asarray(means.assign(vectors)[1], np.int64), np.asarray(means.centroids, np.float32)


class MeaningIndex:
    """Of a snapshot whose texts were encoded."""

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        self._vectors, self._row, self._place = columns[VECTORS], columns[ROW], columns[PLACE]
        self._centres, self._category = columns[CENTRES], columns[CATEGORY]
        self._starts, self._sizes = columns[STARTS][:-1], np.diff(columns[STARTS])

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray]) -> MeaningIndex | None:
        """None where nothing was encoded. Raises KeyError naming a lost column."""
        return cls(columns) if any(name.startswith("meaning.") for name in columns) else None

    def vectors_of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of ads by their rows, (n, d)."""
        return np.asarray(self._vectors.take(self._place[rows], axis=0))

    def search(
        self, wanted: NDArray[np.float32], categories: Sequence[str] | None, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """At most k rows and their cosine with `wanted`, a unit vector, best first. Of those categories, or of all when None."""
        cells = self._of(categories)
        if self._sizes[cells].sum() > EXACT:
            cells = cells[np.argsort(-(self._centres[cells] @ wanted), kind="stable")]
            cells = np.sort(cells[: int(np.searchsorted(np.cumsum(self._sizes[cells]), max(LOOKED_AT, k))) + 1])
        starts, sizes = self._stretches(cells)
        alike = np.concatenate([self._vectors[s : s + n] @ wanted for s, n in zip(starts, sizes, strict=True)] or [np.empty(0, np.float32)])
        best = _above(alike, k)
        best = best[np.argsort(-alike[best], kind="stable")][:k]
        ends = np.cumsum(sizes)
        stretch = np.searchsorted(ends, best, side="right")
        return self._row[best + (starts - ends + sizes)[stretch]].astype(np.int64), alike[best]

    def _of(self, categories: Sequence[str] | None) -> NDArray[np.int64]:
        """The cells of categories."""
        if categories is None:
            return np.arange(len(self._sizes))
        return np.flatnonzero(np.isin(self._category, [CATEGORY_NUMBER[c] for c in categories if c in CATEGORY_NUMBER]))

    def _stretches(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where runs of neighbouring cells begin, and how many ads they hold."""
        first = np.flatnonzero(np.diff(cells, prepend=-2) > 1)
        return self._starts[cells[first]], np.add.reduceat(self._sizes[cells], first) if len(first) else np.empty(0, np.int64)


def _above(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Places, ascending, of the k highest values and of some that are a little lower. The cut is estimated from a sample, at a tenth of the
    time that sorting would take."""
    sample = values[::SAMPLED]
    spare = k // SAMPLED + 8 * (1 + int((k / SAMPLED) ** 0.5))
    if spare < len(sample):
        found = np.flatnonzero(values >= np.partition(sample, len(sample) - spare)[len(sample) - spare])
        if len(found) >= k:
            return found
    return np.flatnonzero(values >= np.partition(values, len(values) - k)[len(values) - k]) if k < len(values) else np.arange(len(values))
