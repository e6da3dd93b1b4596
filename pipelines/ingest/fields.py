"""Checks of string columns, vectorised: each gives typed values and says of every bad cell why."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.events import TIME

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2099
"""A time outside these years is a broken cell, not a time."""
MOST_CHARACTERS: Final = 1_000
"""Of a name, a title or a hash."""


class Checks:
    """Reads the columns of a chunk; remembers, per row, the first thing that is wrong with it."""

    def __init__(self, cells: pa.Table) -> None:
        self.cells = cells
        self.reasons: NDArray[np.object_] = np.full(len(cells), "", object)

    def text(self, column: str) -> pa.ChunkedArray:
        return self.cells[column]

    def demand(self, good: NDArray[np.bool_], column: str, what: str) -> None:
        """Rows that are not good get the reason `<column> <what>: <cell>`, unless an earlier check spoke first."""
        for i in np.flatnonzero(~good & (self.reasons == "")):
            self.reasons[i] = f"{column} {what}: {self.cells[column][int(i)].as_py()!r}"

    def matches(self, column: str, pattern: str) -> NDArray[np.bool_]:
        found = pc.match_substring_regex(self.text(column), rf"\A(?:{pattern})\z")
        return np.asarray(found.to_numpy(), dtype=bool)

    def identity(self, column: str) -> pa.ChunkedArray:
        """A whole number of up to 18 digits, kept as text without leading zeros."""
        self.demand(self.matches(column, r"\d{1,18}"), column, "is not a whole number of at least 0")
        return pc.replace_substring_regex(self.text(column), r"\A0+(\d)", r"\1")

    def words(self, column: str, most: int = MOST_CHARACTERS) -> pa.ChunkedArray:
        """Text of at most so many characters."""
        long = pc.greater(pc.utf8_length(self.text(column)), most)
        for i in np.flatnonzero(np.asarray(long.to_numpy(), bool) & (self.reasons == "")):
            self.reasons[i] = f"{column} is longer than {most:,} characters"
        return self.text(column)

    def choice(self, column: str, *words: str) -> pa.ChunkedArray:
        good = pc.is_in(self.text(column), value_set=pa.array(words)).to_numpy()
        self.demand(np.asarray(good, dtype=bool), column, f"is none of {', '.join(words)}")
        return self.text(column)

    def number(self, column: str, low: float, high: float, what: str) -> NDArray[np.float64]:
        """A finite number in [low, high]; nan where it is not."""
        plain = self.matches(column, r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
        values = np.full(len(self.cells), np.nan)
        values[plain] = pc.cast(self.text(column).filter(pa.array(plain)), pa.float64()).to_numpy()
        self.demand((values >= low) & (values <= high) & np.isfinite(values), column, what)
        return values

    def time(self, column: str, *, required: bool = True) -> pa.Array:
        """A time as `YYYY-MM-DD H:MM[:SS[.ffffff]][offset]`, UTC where no offset is given; hours need no leading zero.

        Cut to microseconds. Null where it is empty and not required, or bad.
        """
        shape = r"\d{4}-\d\d-\d\d[ T]\d{1,2}:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?"
        text = self.text(column)
        empty = np.asarray(pc.equal(text, "").to_numpy(), dtype=bool)
        shaped = self.matches(column, shape)
        padded = pc.replace_substring_regex(text, r"([ T])(\d):", r"\10\2:")  # RE2: \1, then 0
        series = pd.Series(padded.to_pandas(), dtype=object).where(shaped)
        parsed = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
        sane = (parsed.dt.year >= FIRST_YEAR) & (parsed.dt.year <= LAST_YEAR)
        good = np.asarray(shaped & sane.to_numpy(dtype=bool))
        self.demand(good | (empty & (not required)), column, "is not a time")
        return pa.array(parsed.where(good).dt.floor("us"), type=TIME, from_pandas=True)
