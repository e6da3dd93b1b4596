"""Cells of a mapped table, typed as their field says; what is wrong with a cell is told with its column and what stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.events import TIME
from feature_repo.request_words import CANONICAL, term
from pipelines.ingest.fields import FIRST_YEAR, LAST_YEAR, Checks
from pipelines.ingest.format import IngestError
from pipelines.ingest.landing_pages import LONGEST_PAGE
from pipelines.ingest.table.mapping import TableColumn
from pipelines.ingest.table.vocabulary import MappedField

LONGEST_IDENTITY: Final = 256
LONGEST_WORD: Final = 100
MOST_MONEY: Final = 1e9
"""Currency units; a larger amount in a log is a broken cell."""
MOST_NUMBER: Final = 1e15
YES: Final = ("1", "true", "t", "yes", "y", "1.0")
NO: Final = ("", "0", "false", "f", "no", "n", "0.0")
NUMBER: Final = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
ISO: Final = r"\d{4}-\d\d-\d\d([ T]\d{1,2}:\d\d(:\d\d([.,]\d{1,9})?)?)? ?(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)?"
OFFSET: Final = r"\d ?(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)\z"
PER_SECOND: Final = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
CONTROL: Final = r"[\p{Cc}\x{2028}\x{2029}]"
BETWEEN: Final = "|"
"""Between the words of a list in one cell."""


class TableCells(Checks):
    """Reads the columns of a chunk by the rules of a mapping. decimal: what stands before the fraction of a number."""

    def __init__(self, cells: pa.Table, decimal: str) -> None:
        super().__init__(cells)
        self.decimal = decimal

    def field(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        """The typed cells of a field. An empty cell is null, in a truth False, in a list and in words the empty text."""
        if of.required or name == "id":
            self.demand(pc.not_equal(self.text(rule.name), "").to_numpy(), rule.name, "is empty")
        typed: dict[str, Callable[[TableColumn, MappedField, str], pa.Array]] = {
            "identity": self._identity, "time": self._time, "truth": self._truth, "number": self._number, "whole": self._whole,
            "money": self._money, "words": self._words, "word": self._word, "choice": self._choice, "list": self._list,
        }  # fmt: skip
        return typed[of.kind](rule, of, name)

    def _said(self, rule: TableColumn) -> pa.ChunkedArray:
        """The cells in the words of the field."""
        if not rule.values:
            return self.text(rule.name)
        encoded = self.text(rule.name).combine_chunks().dictionary_encode()
        words = pa.array([rule.values.get(word, word) for word in encoded.dictionary.to_pylist()], pa.string())
        return pa.chunked_array([words.take(encoded.indices)])

    def _changed(self, cells: pa.ChunkedArray, by: Callable[[str], str]) -> pa.Array:
        encoded = cells.combine_chunks().dictionary_encode()
        return pa.array([by(word) for word in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)

    def _plain(self, column: str, cells: pa.ChunkedArray, most: int) -> None:
        """No control characters, and not too long."""
        self.demand(~np.asarray(pc.match_substring_regex(cells, CONTROL).to_numpy(), bool), column, "holds a control character")
        self.demand(np.asarray(pc.less_equal(pc.utf8_length(cells), most).to_numpy(), bool), column, f"is longer than {most:,} characters")

    def _identity(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        cells = self._said(rule)
        self._plain(rule.name, cells, LONGEST_IDENTITY)
        return cells.combine_chunks()

    def _words(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        cells = pc.utf8_trim_whitespace(pc.replace_substring_regex(self._said(rule), r"\s+", " "))
        self._plain(rule.name, cells, LONGEST_PAGE)
        return cells.combine_chunks()

    def _word(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        cells = self._said(rule)
        self._plain(rule.name, cells, LONGEST_WORD)
        return self._changed(cells, CANONICAL.get(name, term))

    def _choice(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        cells = self._changed(self._said(rule), term)
        good = pc.or_(pc.is_in(cells, value_set=pa.array(of.choices)), pc.equal(cells, ""))
        self.demand(np.asarray(good.to_numpy(zero_copy_only=False), bool), rule.name, f"is none of {', '.join(of.choices)}")
        return pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)

    def _list(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        canonical = CANONICAL.get(name.removesuffix("s"), term if of.choices else str.strip)

        def words(cell: str) -> str:
            return BETWEEN.join(word for part in cell.split(BETWEEN) if (word := canonical(part)))

        cells = self._changed(self._said(rule), words)
        self._plain(rule.name, pa.chunked_array([cells]), LONGEST_PAGE)
        if of.choices:
            known = {*of.choices}
            good = [all(word in known for word in cell.split(BETWEEN) if word) for cell in cells.to_pylist()]
            self.demand(np.array(good, bool), rule.name, f"holds a word that is none of {', '.join(of.choices)}")
        return cells

    def _truth(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        cells = pc.utf8_lower(self._said(rule))
        yes, no = (np.asarray(pc.is_in(cells, value_set=pa.array(words)).to_numpy(), bool) for words in (YES, NO))
        self.demand(yes | no, rule.name, "is neither yes nor no; say with `values` which of its words is true and which false")
        return pa.array(yes)

    def _numbers(self, rule: TableColumn, most: float, what: str) -> NDArray[np.float64]:
        """Numbers from 0, nan where a cell is empty or wrong."""
        cells = self._said(rule)
        empty = np.asarray(pc.equal(cells, "").to_numpy(), bool)
        values = self._plain_numbers(self._without_groups(cells))
        good = (values >= 0) & (values <= most)
        self.demand(good | empty, rule.name, what)
        return np.where(good, values, np.nan)

    def _without_groups(self, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        """Numbers as programs write them: 1234.5 for $1,234.50."""
        if self.decimal == "." and bool(pc.all(pc.match_substring_regex(cells, r"\A[\d.]*\z")).as_py()):
            return cells
        other = "," if self.decimal == "." else "."
        cells = pc.replace_substring_regex(cells, r"\A[\p{Sc}\s]+|[\p{Sc}\s]+\z", "")
        grouped = rf"\A[+-]?\d{{1,3}}(?:[{other}'’\s\x{{a0}}\x{{202f}}]\d{{3}})+(?:{re.escape(self.decimal)}\d*)?\z"
        joined = pc.replace_substring_regex(cells, rf"[{other}'’\s\x{{a0}}\x{{202f}}]", "")
        cells = pc.if_else(pc.match_substring_regex(cells, grouped), joined, cells)
        if self.decimal == ".":
            return cells
        return pc.if_else(pc.match_substring_regex(cells, r"\A[+-]?\d*,?\d*\z"), pc.replace_substring(cells, ",", "."), cells)

    def _plain_numbers(self, cells: pa.ChunkedArray) -> NDArray[np.float64]:
        plain = np.asarray(pc.match_substring_regex(cells, rf"\A(?:{NUMBER})\z").to_numpy(), bool)
        values = np.full(len(cells), np.nan)
        values[plain] = pc.cast(cells.filter(pa.array(plain)), pa.float64()).to_numpy()
        return values

    def _number(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        if name == "propensity":
            values = self._numbers(rule, 1.0, "is not a probability above 0")
            self.demand(values != 0, rule.name, "is not a probability above 0")
        else:
            values = self._numbers(rule, MOST_NUMBER, "is not a number of at least 0")
        return pa.array(values, from_pandas=True)

    def _whole(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        values = self._numbers(rule, np.iinfo(np.int32).max, "is not a whole number of at least 0")
        self.demand(np.isnan(values) | (values == np.floor(values)), rule.name, "is not a whole number of at least 0")
        if name == "position":
            self.demand(np.isnan(values) | ((values >= 1) & (values <= np.iinfo(np.int16).max)), rule.name, "is not a position from 1")
        return pc.cast(pa.array(np.floor(values), from_pandas=True), pa.int64())

    def _money(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        scale = 1 if rule.unit == "micros" else 1_000_000
        values = self._numbers(rule, MOST_MONEY * 1_000_000 / scale, "is not an amount of at least 0")
        return pc.cast(pa.array(np.round(values * scale), from_pandas=True), pa.int64())

    def _time(self, rule: TableColumn, of: MappedField, name: str) -> pa.Array:
        """Moments in UTC, cut to microseconds. Raises IngestError at a time without an offset where the mapping states no zone."""
        cells = self._said(rule)
        empty = np.asarray(pc.equal(cells, "").to_numpy(), bool)
        moments = self._epochs(rule, cells) if rule.time in PER_SECOND else self._written(rule, cells)
        sane = ((moments.dt.year >= FIRST_YEAR) & (moments.dt.year <= LAST_YEAR)).to_numpy(dtype=bool)
        self.demand(sane | empty, rule.name, f"is not a time ({rule.time})")
        found = pa.array(moments.where(sane).dt.floor("us"), type=TIME, from_pandas=True)
        return found.cast(pa.int64()) if of.ahead else found

    def _epochs(self, rule: TableColumn, cells: pa.ChunkedArray) -> pd.Series:
        seconds = self._plain_numbers(cells) / PER_SECOND[rule.time]
        seconds[~(np.abs(seconds) < 4.2e9)] = np.nan  # beyond the year 2100: another unit, or none
        micros = pd.Series(np.round(seconds * 1e6), dtype="Float64").astype("Int64")
        return pd.Series(pd.to_datetime(micros, unit="us", utc=True))

    def _written(self, rule: TableColumn, cells: pa.ChunkedArray) -> pd.Series:
        if rule.time == "iso":
            shaped = np.asarray(pc.match_substring_regex(cells, rf"\A(?:{ISO})\z").to_numpy(), bool)
            bears = shaped & np.asarray(pc.match_substring_regex(cells, OFFSET).to_numpy(), bool)
            dated = np.asarray(pc.match_substring_regex(cells, r"\A\d{4}-\d\d-\d\d\z").to_numpy(), bool)
            bears &= ~dated
            text = pc.replace_substring_regex(cells, r"([ T])(\d):", r"\10\2:")
            text = pc.replace_substring_regex(text, r" ?(?:z|UTC|GMT)\z", "Z")
            text = pc.replace_substring_regex(text, r"(:\d\d(?:[.,]\d+)?) ?([+-]\d\d)\z", r"\1\2:00")
            text = pc.replace_substring_regex(text, r" ([+-]\d\d:?\d\d)\z", r"\1")
            words = pd.Series(pc.replace_substring(text, ",", ".").to_pandas(), dtype=object)
            pattern = "ISO8601"
        else:
            shaped = np.asarray(pc.not_equal(cells, "").to_numpy(), bool)
            bears = np.full(len(cells), "%z" in rule.time)
            words, pattern = pd.Series(cells.to_pandas(), dtype=object), rule.time
        moments = pd.Series(pd.NaT, index=words.index, dtype="datetime64[ns, UTC]")
        with_offset, without = shaped & bears, shaped & ~bears
        if with_offset.any():
            moments[with_offset] = self._parsed(rule, words[with_offset], pattern, utc=True)
        if without.any():
            naive = self._parsed(rule, words[without], pattern, utc=False)
            if rule.zone is None and naive.notna().any():
                first = words[without][naive.notna()].iloc[0]
                raise IngestError(
                    f"column {rule.name}",
                    first,
                    "A time without an offset: state its zone in the mapping (`zone: Europe/Berlin`) or with --zone.",
                )
            # an hour that clocks show twice is taken for the first of the two; one that they leave out is no time
            zoned = naive.dt.tz_localize(rule.zone or "UTC", ambiguous=np.ones(len(naive), bool), nonexistent="NaT")
            moments[without] = zoned.dt.tz_convert("UTC")
        return moments

    def _parsed(self, rule: TableColumn, words: pd.Series, pattern: str, utc: bool) -> pd.Series:
        try:
            return pd.Series(pd.to_datetime(words, format=pattern, utc=utc, errors="coerce")).astype(
                "datetime64[ns, UTC]" if utc else "datetime64[ns]"
            )
        except ValueError as error:  # the pattern itself
            raise IngestError(f"column {rule.name}, time", rule.time, f"It is no pattern of strptime: {error}.") from None
