"""Rows as a person reads them in the quarantine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import overload

import pyarrow as pa


class CellTexts(Sequence[bytes]):
    """Of each row its cells as one JSON object: what a person reads of a row that was set aside."""

    def __init__(self, cells: pa.Table) -> None:
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        row = {name: self._cells[name][int(at)].as_py() for name in self._cells.column_names}
        return json.dumps(row, ensure_ascii=False).encode()
