"""A table that a mapping reads, as a log format: the same raw copies, checks, identity and days as every other log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.format import TS, IngestError, LogFile, Mapped, Parsed
from pipelines.ingest.table.descriptions import Descriptions
from pipelines.ingest.table.happenings import Happenings
from pipelines.ingest.table.mapping import TableColumn, TableMapping
from pipelines.ingest.table.table_cells import BETWEEN, TableCells
from pipelines.ingest.table.table_reader import TableReader

EVENTS_TOLD: Final = ("impressions", "clicks", "conversions", "engagements", "activity", "queries")
FOLLOWS: Final = (("clicked", "clicked_at", TS), ("converted", "converted_at", TS))
"""A yes, when it came, and what it cannot come before."""


BETWEEN_PARTS: Final = {"identity": ":", "words": " ", "list": BETWEEN}
"""What stands between the cells of several columns, by the kind of the field that they make."""


class MappedTable:
    """`placard ingest table FILE --mapping MAPPING`. Raises IngestError for a constant that its field cannot hold."""

    def __init__(self, mapping: TableMapping) -> None:
        self.mapping = mapping
        self.name = mapping.source
        lacking = frozenset(column for rule in mapping.columns.values() if rule.optional for column in rule.column)
        self.reader = TableReader(mapping.file, lacking, mapping.only)
        self.constants = {name: _constant(mapping, name) for name in mapping.constants}

    def files(self, path: Path) -> list[LogFile]:
        if not path.is_file():
            raise IngestError("table", str(path), "Name a file of delimited text, JSON lines or Parquet.")
        return [LogFile(path, path.name, reader=self.reader)]

    def columns(self, file: LogFile, header: Sequence[str]) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(column for rule in self.mapping.columns.values() for column in rule.column))
        for name in (*wanted, *self.mapping.only):
            if name not in header:
                fix = f"It has no such column. Its columns: {', '.join(header[:50])}. A file without names: `file: {{header: [...]}}`."
                raise IngestError(f"header of {file.name}", name, fix)
        return wanted

    def parse(self, file: LogFile, cells: pa.Table) -> Parsed:
        for name, rule in self.mapping.columns.items():
            if len(rule.column) > 1 and rule.name not in cells.column_names:
                by = BETWEEN_PARTS[self.mapping.fields[name].kind]
                cells = cells.append_column(rule.name, _joined([cells[part] for part in rule.column], by))
        checks, fields = TableCells(cells, self.mapping.file.decimal), self.mapping.fields
        typed = {name: checks.field(rule, fields[name], name) for name, rule in self.mapping.columns.items()}
        typed |= {name: pa.repeat(value, len(cells)) for name, value in self.constants.items()}
        for said, at, before in FOLLOWS:
            if at in typed:
                self._agree(checks, typed, said, at, before)
        return Parsed(pa.table(typed), checks.reasons)

    def _agree(self, checks: TableCells, typed: dict[str, pa.Array], said: str, at: str, before: str) -> None:
        if at not in self.mapping.columns:
            return
        column = self.mapping.columns[at].name
        early = np.asarray(pc.fill_null(pc.less(typed[at], typed[before]), False).to_numpy(zero_copy_only=False), bool)
        checks.demand(
            ~early,
            column,
            f"is before what it followed, {self.mapping.columns[before].name if before in self.mapping.columns else before}",
        )
        if said in typed:
            has_time = np.asarray(typed[at].is_valid().to_numpy(zero_copy_only=False), bool)
            says_so = np.asarray(typed[said].to_numpy(zero_copy_only=False), bool)
            checks.demand(~has_time | says_so, column, f"is given, and {said} says no")

    def map(self, file: LogFile, rows: pa.Table) -> Mapped:
        told = Happenings if self.mapping.as_ in EVENTS_TOLD else Descriptions
        return told(self.mapping.as_, self.mapping.source, rows).mapped()


def _joined(cells: Sequence[pa.ChunkedArray], by: str) -> pa.ChunkedArray:
    """Cells of several columns as one; empty where all are."""
    joined = pc.binary_join_element_wise(*cells, by)
    return pc.if_else(pc.equal(pc.utf8_trim(joined, by), ""), "", joined)


def _constant(mapping: TableMapping, name: str) -> pa.Scalar:
    cells = pa.table({f"constant {name}": pa.array([mapping.constants[name]], pa.string())})
    checks = TableCells(cells, ".")
    found = checks.field(TableColumn(column=(f"constant {name}",), zone=mapping.zone), mapping.fields[name], name)
    if checks.reasons[0]:
        raise IngestError("mapping", f"constants.{name}", f"{checks.reasons[0]}.")
    return found[0]
