"""A policy of the user's own: a table of the chances with which it shows what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipelines.errors import PipelineError

PROBABILITY: Final = "probability"
ROUNDING: Final = 1e-6
"""How far beyond 1 the chances of one slot may add up by rounding."""
Key = Mapping[str, type]
"""Columns by name and their type, int or str."""


@dataclass(frozen=True)
class OwnPolicy:
    """rows: the columns of the key, which name a slot of the log; `action`, what is shown there, where `complete`; and `probability`, the
    chance of it. Not complete: one row a slot, with the chance of what was logged there."""

    name: str
    rows: pd.DataFrame
    complete: bool


def own_policy(name: str, table: pd.DataFrame, key: Key, action: tuple[str, type], column: str = PROBABILITY) -> OwnPolicy:
    """The policy that a table tells. key: the columns that name a slot; action: the one that names what is shown there, which the table may
    lack; column: the chances.

    Raises PipelineError naming the first row that has no value, no probability, or stands there twice, and the first slot whose chances add
    up to more than 1. What they lack to 1 is the chance that the slot stays empty.
    """
    complete = action[0] in table.columns
    wanted: dict[str, type] = {**key, **({action[0]: action[1]} if complete else {}), column: float}
    for missing in (each for each in wanted if each not in table.columns):
        known = ", ".join(map(str, table.columns))
        raise PipelineError(
            f"column of {name}", missing, f"It has {known}; it needs {', '.join((*key, column))}, and may have {action[0]}."
        )
    rows = pd.DataFrame({each: _typed(name, table, each, kind) for each, kind in wanted.items()})
    _refuse(name, rows, ~rows[column].between(0, 1), column, "A chance is a probability from 0 to 1.")
    slot, whole = list(key), [*key, *([action[0]] if complete else [])]
    _refuse(name, rows, rows.duplicated(whole), whole[-1], f"It stands there twice; one row is needed for each {', '.join(whole)}.")
    total = rows.groupby(slot, sort=False)[column].transform("sum")
    fix = f"The chances of one slot ({', '.join(slot)}) add up to at most 1."
    _refuse(name, rows.assign(sum=total), total > 1 + ROUNDING, "sum", fix)
    return OwnPolicy(name, rows.rename(columns={action[0]: "action", column: PROBABILITY}), complete)


def read_table(path: Path) -> pd.DataFrame:
    """A Parquet or CSV file, every cell of CSV as text. Raises PipelineError for another kind, and for a file that cannot be read."""
    try:
        if path.suffix == ".parquet":
            table: pd.DataFrame = pq.read_table(path, partitioning=None).to_pandas()
            return table
        if path.suffix == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # pyarrow's and pandas' errors of format are ValueErrors
        raise PipelineError("policy file", str(path), f"It cannot be read: {str(error).splitlines()[0]}.") from None
    raise PipelineError("policy file", str(path), "Write the chances as .parquet or .csv.")


def _typed(name: str, table: pd.DataFrame, column: str, kind: type) -> pd.Series:
    """A column as text, whole numbers or floats. Raises PipelineError for the first value that is none."""
    given = table[column].reset_index(drop=True)
    if kind is str:
        out = given.astype(object)
        bad = given.isna() | (given.astype(str) == "")
    else:
        out = pd.to_numeric(given, errors="coerce")
        bad = ~np.isfinite(out.to_numpy(np.float64, na_value=np.nan)) | ((out % 1 != 0) if kind is int else False)
    _refuse(name, pd.DataFrame({column: given}), pd.Series(bad), column, f"It needs {'text' if kind is str else 'a number'} in every row.")
    return out.astype(str if kind is str else np.int64 if kind is int else np.float64)


def _refuse(name: str, rows: pd.DataFrame, bad: pd.Series, column: str, fix: str) -> None:
    """Raises PipelineError naming the first of the rows that are bad, counted from 0."""
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        more = f" ({int(bad.sum())} such rows.)" if bad.sum() > 1 else ""
        raise PipelineError(f"{column} in row {at} of {name}", rows[column].iloc[at], f"{fix}{more}")
