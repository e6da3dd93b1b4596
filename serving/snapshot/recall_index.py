"""The vectors that recall searches; in a large catalogue the ads of a neighbourhood stand side by side (an inverted file).

k-means cells as in IVF (Jégou, Douze and Schmid 2011), by faiss. Because rows are ordered by cell, a cell is a stretch of every
column: it is scanned without a copy, and what is gathered for its ads later lies close together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.tables.ad_embedding import AD_EMBEDDING
from feature_repo.tables.ad_performance import PERFORMANCE

INDEX_FROM: Final = 100_000
"""Ads below which an exact scan is faster than an index."""
CELLS: Final = 1024
PROBES: Final = 8
"""Cells that are searched at least; more where few of their ads are eligible."""
VECTORS, CENTRES, STARTS, ORDER = "recall.vectors", "recall.centres", "recall.starts", "order.creative_id"
NOT_BY_AD: Final = ("campaign.", "target.", "words.", "placement.", "keyword.", "page.", "query.", "meaning.")


def recall_vectors(ad: dict[str, np.ndarray]) -> NDArray[np.float32]:
    """(ads, width + 1): the embedding and the log of clicks over expected clicks."""
    performance = np.log(np.maximum(ad[PERFORMANCE], 1e-3))
    return np.concatenate([np.asarray(ad[AD_EMBEDDING.names[0]], np.float32), performance[:, None].astype(np.float32)], axis=1)


def query(user_vector: NDArray[np.float32], tilt: float = 0.3) -> NDArray[np.float32]:
    """The user's side of recall_vectors, shape (width + 1,)."""
    return np.concatenate([user_vector, np.array([tilt], np.float32)])


def arranged(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A snapshot's columns with rows in order of their cell, and the cells beside them; as they are when ads are few.

    Deterministic: fixed seed, one thread.
    """
    vectors = np.ascontiguousarray(columns[VECTORS], np.float32)
    if len(vectors) < INDEX_FROM:
        return dict(columns)
    import faiss

    faiss.omp_set_num_threads(1)
    cells = faiss.Kmeans(vectors.shape[1], CELLS, niter=6, seed=7, max_points_per_centroid=60, min_points_per_centroid=1)
    cells.train(vectors)
    cell = cells.assign(vectors)[1]
    order = np.argsort(cell, kind="stable")
    out = {name: array if name.startswith(NOT_BY_AD) else array[order] for name, array in columns.items()}
    out[CENTRES] = np.asarray(cells.centroids, np.float32)
    out[STARTS] = np.searchsorted(cell[order], np.arange(CELLS + 1))
    out[ORDER] = np.argsort(out["id.creative_id"], kind="stable")
    return out


class RecallIndex:
    """The cells of a snapshot whose rows are arranged. vectors: (ads, d); centres: (cells, d); starts: (cells + 1,)."""

    def __init__(self, vectors: NDArray[np.float32], centres: NDArray[np.float32], starts: NDArray[np.int64]) -> None:
        self._vectors, self._centres, self._starts = vectors, centres, starts

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray]) -> RecallIndex | None:
        """None when the snapshot is small enough to scan."""
        return cls(columns[VECTORS], columns[CENTRES], columns[STARTS]) if CENTRES in columns else None

    def search(self, wanted: NDArray[np.float32], eligible: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
        """At most k rows for which `eligible`, a mask over all of them, is True, best first: the best of the cells whose centres
        are nearest. Goes on to further cells until k are found."""
        nearest = np.argsort(-(self._centres @ wanted))
        rows: list[NDArray[np.int64]] = []
        scores: list[NDArray[np.float32]] = []
        found = 0
        for probed, cell in enumerate(nearest):
            if probed >= PROBES and found >= k:
                break
            start, end = self._starts[cell], self._starts[cell + 1]
            inside = np.flatnonzero(eligible[start:end])
            found += len(inside)
            rows.append(inside + start)
            scores.append((self._vectors[start:end] @ wanted)[inside])
        every, score = np.concatenate(rows), np.concatenate(scores)
        best = np.argpartition(-score, k - 1)[:k] if len(score) > k else np.arange(len(score))
        return np.asarray(every[best[np.argsort(-score[best])]])
