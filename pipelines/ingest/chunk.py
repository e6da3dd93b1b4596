"""Rows of a log file as text, a chunk at a time, and what reads them: every row is either cells or a fault, and none is dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

HOPELESS: Final = 100_000
"""Bad rows after which a file that holds too large a share of them is read no further: one that does not fit would fill the memory."""


@dataclass(frozen=True)
class Fault:
    """A line that was set aside. line: 1 is the file's first line, its header."""

    line: int
    reason: str
    text: bytes


@dataclass(frozen=True)
class Chunk:
    """cells: the wanted columns as text; line and texts: each row's line number and line; faults: all other lines."""

    cells: pa.Table
    line: NDArray[np.int64]
    texts: Sequence[bytes]
    faults: list[Fault]


class RowReader(Protocol):
    """Reads the rows of a file of one form."""

    def header(self, path: Path) -> tuple[str, ...]:
        """The column names. Raises IngestError for a file that has none."""
        ...

    def chunks(self, path: Path, wanted: Sequence[str], scratch: Path) -> Iterator[Chunk]:
        """Every row of the file, in its order. scratch: a folder that is removed afterwards."""
        ...
