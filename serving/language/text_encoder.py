"""Texts as vectors: hashed words, word pairs and letter runs, each with a learned vector; a text is their sum at unit length.

Learned by latent semantic analysis (Deerwester et al. 1990), see pipelines/language/encoder.py; letter runs as in fastText (Bojanowski et
al. 2017) give words that were never seen a place near their kin.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from feature_repo.text import hash_words, stem, tokenise
from serving.bundles.sealed import read_manifest, verify, write_sealed
from serving.errors import BundleRefused
from serving.mapped_array import mapped_array

ENCODER: Final = "encoder"
FORMAT: Final = 1
VECTORS: Final = "vectors.npy"
BUCKETS: Final = 1 << 16
MOST_WORDS: Final = 256
"""Of a text that are read."""
LETTERS: Final = 4
"""Length of the letter runs."""


class Encoder(Protocol):
    """What turns texts into unit vectors."""

    version: str
    dim: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, (n, dim); zero for a text that says nothing."""
        ...


def units(text: str) -> list[str]:
    """What a text is made of: stems, pairs of neighbouring stems, and runs of letters within words."""
    words = [stem(w) for w in tokenise(text)[:MOST_WORDS]]
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    runs = [f"#{w[i : i + LETTERS]}" for word in words if len(word) > LETTERS for w in [f"<{word}>"] for i in range(len(w) - LETTERS + 1)]
    return [*words, *pairs, *runs]


def buckets(text: str) -> NDArray[np.int64]:
    """The bucket of each unit of a text."""
    return (hash_words(units(text)) % np.uint64(BUCKETS)).astype(np.int64)


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows at unit length; zero rows stay."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 1e-12))


class TextEncoder:
    """A learned encoder. vectors: (BUCKETS, dim) float32, a unit's weight in it. Thread-safe: nothing changes after load."""

    def __init__(self, version: str, vectors: NDArray[np.float32]) -> None:
        self.version, self.vectors, self.dim = version, vectors, vectors.shape[1]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        out = np.zeros((len(texts), self.dim), np.float32)
        for i, text in enumerate(texts):
            found = buckets(text)
            if len(found):
                out[i] = self.vectors[found].sum(axis=0)
        return unit_rows(out)

    @classmethod
    def load(cls, folder: Path) -> TextEncoder:
        """Reads and verifies an encoder. Raises BundleRefused."""
        manifest = read_manifest(folder, head=ENCODER, format=FORMAT)
        verify(folder, manifest.get("files"), VECTORS)
        try:
            vectors = mapped_array(folder / VECTORS)
        except (OSError, ValueError) as error:
            raise BundleRefused("encoder", str(folder), f"It cannot be read: {error}") from None
        if vectors.ndim != 2 or len(vectors) != BUCKETS or vectors.dtype != np.float32:
            raise BundleRefused("encoder", f"{vectors.dtype} {vectors.shape}", f"float32 with {BUCKETS} rows is needed; train again.")
        return cls(str(manifest["version"]), vectors)


def write_encoder(folder: Path, version: str, vectors: NDArray[np.float32], said: dict[str, object]) -> TextEncoder:
    """Writes an encoder and reads it back. said: what its manifest tells beside (training window, metrics)."""

    def write(part: Path) -> None:
        np.save(part / VECTORS, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)

    write_sealed(folder, {**said, "head": ENCODER, "format": FORMAT, "version": version}, write)
    return TextEncoder.load(folder)
