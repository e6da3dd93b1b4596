"""Arrays in files: the same as NumPy reads them, and no file is kept open."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from feature_repo.home import Home
from serving.mapped_array import mapped_array
from serving.snapshot import open_current

ARRAYS = {
    "flags": np.array([True, False]),
    "numbers": np.arange(10_000, dtype=np.int64),
    "matrix": np.arange(12, dtype=np.float32).reshape(3, 4),
    "by columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "words": np.array([b"a", b"bcd"]),
    "nothing": np.zeros((0, 7), np.uint8),
    "one": np.array(3.5),
}


def files_open() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("name", ARRAYS)
def test_it_is_what_was_written(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "a.npy", ARRAYS[name])
    read = mapped_array(tmp_path / "a.npy")
    assert read.dtype == ARRAYS[name].dtype and not read.flags.writeable and type(read) is np.ndarray
    np.testing.assert_array_equal(read, ARRAYS[name])


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(100))
    whole = path.read_bytes()
    for content in (b"", b"x", whole[:60], whole[:-1], b"\x93NUMPY\x09\x00" + whole[8:]):
        path.write_bytes(content)
        with pytest.raises((OSError, ValueError)):
            mapped_array(path)
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="objects"):
        mapped_array(path)
    with pytest.raises(OSError):
        mapped_array(tmp_path / "absent.npy")


def test_a_snapshot_keeps_no_file_open_and_stays_when_its_folder_goes(published_home: Home) -> None:
    before = files_open()
    snapshot = open_current(published_home.snapshots)
    assert len(snapshot.arrays) > 100 and files_open() == before
    for file in (published_home.snapshots / snapshot.version).iterdir():
        file.unlink()
    assert sum(int(array.nbytes) for array in snapshot.arrays.values()) > 0
    assert all(np.array(array).shape == array.shape for array in snapshot.arrays.values())
