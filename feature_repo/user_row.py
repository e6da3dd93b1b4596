"""One user's features as serving reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feature_repo.tables import USER_TABLES


@dataclass(frozen=True)
class UserRow:
    """One user's features as columns of length 1 (vectors (1, width)); flags name the defaults used and why."""

    columns: dict[str, np.ndarray]
    flags: tuple[str, ...]


def unknown_user(flag: str) -> UserRow:
    """Every user feature at its default."""
    return UserRow({f.name: f.filled(1) for t in USER_TABLES for f in t.features}, (flag,))
