"""What identities of a training set are worth, kept beside it: each further fit and evaluation on the same rows reads it.

To learn it takes 3,000 trees, more than the ranker itself, and every ranker and every baseline on the same rows would learn the same.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from feature_repo.whole_file import whole_file
from pipelines.rankers import encoding
from pipelines.rankers.encoding import Encoded, encoded
from serving.bundles.encoder import Encoding

LEARNER: Final = Path(encoding.__file__).read_bytes() + xgb.__version__.encode()
"""What learns: when it changes, all that is kept is learned anew."""


def kept_encoded(
    place: Path | None, matrix: NDArray[np.float32], columns: tuple[int, ...], of_ad: tuple[int, ...], label: NDArray[np.bool_],
    offset: NDArray[np.float64],
) -> Encoded:  # fmt: skip
    """`encoded` of these arguments, from the file that an earlier call with equal ones left in the folder `place`; None keeps nothing."""
    if place is None or not columns:
        return encoded(matrix, columns, of_ad, label, offset)
    path = place / f"encoded-{name_of(LEARNER, matrix, columns, of_ad, label, offset)}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return _read(matrix, columns, arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # there is none, or it is damaged
        found = encoded(matrix, columns, of_ad, label, offset)
    seen: dict[str, Any] = {"seen": found.matrix[:, columns]}  # of the others the matrix itself tells
    for e in found.encodings:
        seen |= {f"codes_{e.column}": e.codes, f"values_{e.column}": e.values, f"other_{e.column}": np.float64(e.other)}
    with whole_file(path, synced=False) as part, part.open("wb") as out:
        np.savez(out, **seen)
    return found


def name_of(learner: bytes, *given: NDArray[Any] | tuple[int, ...]) -> str:
    """Equal for equal arguments alone. learner: the sources of what learns from them."""
    digest = hashlib.blake2b(learner, digest_size=16)
    for one in given:
        values = np.ascontiguousarray(one)
        digest.update(f"{values.dtype} {values.shape} ".encode())
        digest.update(values.data)
    return digest.hexdigest()


def _read(matrix: NDArray[np.float32], columns: tuple[int, ...], kept: Any) -> Encoded:
    whole = matrix.copy()
    whole[:, columns] = kept["seen"]
    found = (Encoding(c, kept[f"codes_{c}"], kept[f"values_{c}"], float(kept[f"other_{c}"])) for c in columns)
    return Encoded(whole, tuple(found))
