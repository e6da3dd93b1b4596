"""Numbers the rows of a log that are alike, so that a row's identity does not depend on where it stands in which file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

ORDINAL: Final = r"-\d+(-[a-z]+)?$"
NAMES: Final = ("event_id", "impression_id", "decision_id", "cause_id")
"""Columns whose words hold the ordinal of their row."""


def ordinals(content: pa.Array, told: Sequence[Any]) -> pa.Array:
    """0, 1, ... among the rows of equal content, as text, shape (n,). told: columns of what the rows say beside it, the outcome first;
    rows are numbered in their order, which no order of lines changes. Those that are alike in all of it are exchangeable.

    Rows of equal content must come in one delivery: in two they look like one row that was delivered twice. A key holds the ordinal after a
    hyphen, at its end or before one more word (`...-0`, `...-0-click`), and its format says so (Mapped.numbered).
    """
    frame = pd.DataFrame({"content": content.to_pandas()} | {f"told{i}": np.asarray(column) for i, column in enumerate(told)})
    order = np.lexsort([frame[f"told{i}"].to_numpy() for i in reversed(range(len(told)))]) if told else np.arange(len(frame))
    numbers = np.empty(len(frame), np.int64)
    numbers[order] = frame["content"].iloc[order].groupby(frame["content"].iloc[order].to_numpy()).cumcount().to_numpy()
    return pa.array(numbers.astype(str), pa.string())


def without_ordinal(keys: pa.ChunkedArray) -> pa.ChunkedArray:
    """Keys of rows that are alike, made equal."""
    return pc.replace_substring_regex(keys, ORDINAL, r"\1")
