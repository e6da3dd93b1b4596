"""One user's row as the online store has it, before anybody asks whether it is too old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from feature_repo.table import Feature
from feature_repo.tables import USER_TABLES
from feature_repo.user_row import UserRow

Cell = int | float | bytes | None
"""A stored value: a number, a text in UTF-8, the float32 bytes of a vector, or None where there is none."""
CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far the clock of who publishes may be ahead of the clock of who serves."""


@dataclass(frozen=True, slots=True)
class StoredTable:
    """stamp: the moment of the row, seconds since 1970; 0: the store has no row. cells: the values, in the order of the table's
    features."""

    stamp: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """tables: in the order of USER_TABLES."""

    tables: tuple[StoredTable, ...]

    @property
    def known(self) -> bool:
        """Whether any table has a row of the user."""
        return any(table.stamp for table in self.tables)

    def seen(self, now: datetime) -> UserRow:
        """Defaults and a flag for a user, table or value that is missing, and for a table that at `now` is older than its max_age, or comes
        from the future. Raises ValueError for a row of other features than the present ones."""
        columns: dict[str, np.ndarray] = {}
        flags = []
        for table, stored in zip(USER_TABLES, self.tables, strict=True):
            known = stored.stamp > 0
            stale = known and not -CLOCKS_DIFFER <= now - datetime.fromtimestamp(stored.stamp, UTC) <= table.max_age
            if not known or stale:
                flags.append(f"{table.name}_{'stale' if stale else 'unknown'}")
            missing = []
            for feature, cell in zip(table.features, stored.cells, strict=True):
                if cell is None and known and not stale:
                    missing.append(feature.name)
                columns[feature.name] = _column(feature, None if stale else cell)
            flags += [f"{name}_missing" for name in missing]
        return UserRow(columns, tuple(flags))


NO_ROW: Final = StoredRow(tuple(StoredTable(0, (None,) * len(table.features)) for table in USER_TABLES))
"""What the store has of somebody whom it does not know."""


def _column(feature: Feature, cell: Cell) -> np.ndarray:
    if cell is None:
        return feature.filled(1)
    if not isinstance(cell, bytes):
        return np.array([cell], object if feature.dtype == "string" else feature.dtype)
    if feature.dtype == "string":
        return np.array([cell.decode()], object)
    array = np.frombuffer(cell, np.float32).reshape(1, -1)
    return array if array.shape[1] == feature.width else feature.filled(1)
