"""The vectors that recall searches, and an inverted-file index over them where a scan would be too slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.tables.ad_embedding import AD_EMBEDDING
from feature_repo.tables.ad_performance import PERFORMANCE

INDEX_FROM: Final = 100_000
"""Ads below which an exact scan is faster than an index."""
LISTS: Final = 1024
PROBES: Final = 8
FILE: Final = "recall.faiss"


def recall_vectors(ad: dict[str, np.ndarray]) -> NDArray[np.float32]:
    """(ads, width + 1): the embedding and the log of clicks over expected clicks."""
    performance = np.log(np.maximum(ad[PERFORMANCE], 1e-3))
    return np.concatenate([np.asarray(ad[AD_EMBEDDING.names[0]], np.float32), performance[:, None].astype(np.float32)], axis=1)


def query(user_vector: NDArray[np.float32], tilt: float = 0.3) -> NDArray[np.float32]:
    """The user's side of recall_vectors, shape (width + 1,)."""
    return np.concatenate([user_vector, np.array([tilt], np.float32)])


def write_index(folder: Path, vectors: NDArray[np.float32]) -> None:
    """Trains and writes an inverted file when there are enough ads for one. Deterministic: fixed seed, one thread."""
    if len(vectors) < INDEX_FROM:
        return
    import faiss

    faiss.omp_set_num_threads(1)
    quantiser = faiss.IndexFlatIP(vectors.shape[1])
    index = faiss.IndexIVFFlat(quantiser, vectors.shape[1], LISTS, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.niter = 7, 6
    sample = vectors[:: max(len(vectors) // (LISTS * 60), 1)]
    index.train(np.ascontiguousarray(sample))
    index.add(np.ascontiguousarray(vectors))
    faiss.write_index(index, str(folder / FILE))


class RecallIndex:
    """An opened inverted file."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def open(cls, folder: Path) -> RecallIndex | None:
        """None when the snapshot is small enough to scan."""
        path = folder / FILE
        if not path.exists():
            return None
        import faiss

        faiss.omp_set_num_threads(1)
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY))

    def search(self, wanted: NDArray[np.float32], eligible: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
        """At most k rows for which `eligible`, a mask over all of them, is True; best first."""
        import faiss

        packed = np.packbits(eligible, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(eligible), faiss.swig_ptr(packed))
        parameters = faiss.SearchParametersIVF(sel=selector, nprobe=PROBES)  # type: ignore[call-arg]
        _, rows = self._index.search(wanted[None, :], k, params=parameters)
        found = rows[0]
        return np.asarray(found[found >= 0], np.int64)
