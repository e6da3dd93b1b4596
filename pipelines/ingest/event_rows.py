"""Builds event tables from columns: what a log does not tell is filled once, here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.events import EVENTS
from feature_repo.taxonomy import AGE_BANDS, DEVICES, GENDERS
from pipelines.ingest.format import ROW

UNTOLD: dict[str, Any] = {
    "user_id": "", "surface": "", "placement_id": "", "device": DEVICES[0], "os": "", "region": "", "language": "",
    "query_id": "",
    "age_band": AGE_BANDS[0], "gender": GENDERS[0], "explored": False, "bid_micros": 0, "price_micros": 0, "value_micros": 0,
}  # fmt: skip
"""What stands for an unknown; a column that is not here and not given is null."""


def event_rows(name: str, row: np.ndarray, **columns: Any) -> pa.Table:
    """Rows of event table `name` and the ROW each came from, shape (n,). A column is n values, or one value for all.

    ROW is left out of tables whose rows are kept by key alone (users).
    """
    arrays = {}
    for field in EVENTS[name]:
        value = columns.pop(field.name, UNTOLD.get(field.name))
        if isinstance(value, pa.Array | pa.ChunkedArray | np.ndarray | list):
            array = value if isinstance(value, pa.Array | pa.ChunkedArray) else pa.array(value)
            arrays[field.name] = array.cast(field.type)
        else:
            arrays[field.name] = pa.nulls(len(row), field.type) if value is None else pa.array([value] * len(row), field.type)
    assert not columns, f"{name} has no column {', '.join(columns)}"
    return pa.table(arrays | {ROW: pa.array(row, pa.int64())})
