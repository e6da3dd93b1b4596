"""From codes and numbers to Arrow columns and tables of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.simulator.population import Ints


def word(vocabulary: Any, codes: Ints) -> pa.Array:
    """Strings of a vocabulary by code."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(list(vocabulary), pa.string())).cast(pa.string())


def numbered(prefix: str, numbers: Ints) -> pa.Array:
    """Identities: the prefix and a number each."""
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")


def fill(schema: pa.Schema, n: int, columns: Mapping[str, Any]) -> pa.Table:
    """A table of `schema` with n rows; one string stands for a column of it; a column not given is "" (string) or null."""
    unknown = set(columns) - set(schema.names)
    if unknown:
        raise KeyError(f"no such columns: {sorted(unknown)}")
    arrays = []
    for field in schema:
        value = columns.get(field.name)
        if value is None:
            value = pa.repeat("", n) if pa.types.is_string(field.type) else pa.nulls(n, field.type)
        elif isinstance(value, str):
            value = pa.repeat(value, n)
        arrays.append(pa.array(value, field.type) if not isinstance(value, pa.Array | pa.ChunkedArray) else value.cast(field.type))
    return pa.table(arrays, schema=schema)
