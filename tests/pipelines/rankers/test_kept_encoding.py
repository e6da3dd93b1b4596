"""What identities are worth is learned once for the same rows, and anew for any others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.rankers import kept_encoding
from pipelines.rankers.encoding import Encoded, encoded
from pipelines.rankers.kept_encoding import kept_encoded

COLUMNS, OF_AD = (0, 2), (3,)


class Learner:
    """Counts how often it learns."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, *given: object) -> Encoded:
        self.times += 1
        return encoded(*given)  # type: ignore[arg-type]


@pytest.fixture
def learner(monkeypatch: pytest.MonkeyPatch) -> Learner:
    found = Learner()
    monkeypatch.setattr(kept_encoding, "encoded", found)
    return found


def rows(seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrix, labels and offsets of 300 rows."""
    draw = np.random.default_rng(seed)
    matrix = np.stack([draw.integers(0, 5, 300), draw.normal(size=300), draw.integers(0, 40, 300), draw.normal(size=300)], 1)
    return matrix.astype(np.float32), draw.random(300) < 0.3, draw.normal(size=300) / 10


def same(one: Encoded, other: Encoded) -> bool:
    pairs = zip(one.encodings, other.encodings, strict=True)
    alike = all(
        a.column == b.column and a.other == b.other and (a.codes == b.codes).all() and (a.values == b.values).all() for a, b in pairs
    )
    return alike and one.matrix.dtype == other.matrix.dtype and bool((one.matrix == other.matrix).all())


def test_what_is_read_is_what_was_learned(learner: Learner, tmp_path: Path) -> None:
    matrix, label, offset = rows()
    first = kept_encoded(tmp_path, matrix, COLUMNS, OF_AD, label, offset)
    again = kept_encoded(tmp_path, matrix.copy(), COLUMNS, OF_AD, label, offset)
    assert learner.times == 1
    assert same(first, again)
    assert same(first, encoded(matrix, COLUMNS, OF_AD, label, offset))


def test_other_rows_are_learned_anew(learner: Learner, tmp_path: Path) -> None:
    matrix, label, offset = rows()
    changed = matrix.copy()
    changed[0, 1] += 1
    for given in (
        (matrix, COLUMNS, OF_AD, label, offset),
        (changed, COLUMNS, OF_AD, label, offset),
        (matrix, COLUMNS[:1], OF_AD, label, offset),
        (matrix, COLUMNS, (1, 3), label, offset),
        (matrix, COLUMNS, OF_AD, ~label, offset),
        (matrix, COLUMNS, OF_AD, label, offset + 1),
    ):
        kept_encoded(tmp_path, *given)
    assert learner.times == 6


def test_a_damaged_file_is_learned_anew(learner: Learner, tmp_path: Path) -> None:
    matrix, label, offset = rows()
    first = kept_encoded(tmp_path, matrix, COLUMNS, OF_AD, label, offset)
    (path,) = tmp_path.glob("*.npz")
    path.write_bytes(path.read_bytes()[:200])
    assert same(first, kept_encoded(tmp_path, matrix, COLUMNS, OF_AD, label, offset))
    path.write_bytes(b"")
    assert same(first, kept_encoded(tmp_path, matrix, COLUMNS, OF_AD, label, offset))
    assert learner.times == 3


def test_without_a_folder_nothing_is_kept(learner: Learner, tmp_path: Path) -> None:
    matrix, label, offset = rows()
    for _ in range(2):
        kept_encoded(None, matrix, COLUMNS, OF_AD, label, offset)
    assert learner.times == 2
