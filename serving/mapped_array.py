"""Arrays that lie in files: read page by page as they are used, shared by all processes that read them, and no open file each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def mapped_array(path: Path) -> NDArray[Any]:
    """The array of a .npy file, read-only, as a map of the file into memory. `np.load(mmap_mode="r")` gives the same and keeps a file
    open for each: a snapshot has more than a hundred columns, and many systems allow a process 1,024 files. Arrow's maps outlive their
    files. Raises OSError and ValueError for what is no such file, is torn, or holds objects."""
    with pa.memory_map(str(path)) as file:
        held = file.read_buffer()
    reader = pa.BufferReader(held)
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(reader)
    if version not in header:
        raise ValueError(f"{path} is of .npy version {version}, which nothing here writes")
    shape, by_columns, dtype = header[version](reader)
    if dtype.hasobject:
        raise ValueError(f"{path} holds Python objects")
    flat = np.frombuffer(held, dtype, offset=reader.tell(), count=int(np.prod(shape, dtype=np.int64)))
    return flat.reshape(shape, order="F" if by_columns else "C")
