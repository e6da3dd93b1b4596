"""Rows of delimited text, JSON lines and Parquet, through DuckDB's readers: every cell as text, every row with its line or a fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.literal_path import literal_path
from feature_repo.sql_text import sql_name, sql_string
from pipelines.ingest.chunk import HOPELESS, Chunk, Fault
from pipelines.ingest.format import IngestError
from pipelines.ingest.lines import CHUNK_LINES, LONGEST_LINE, SHOWN
from pipelines.ingest.table.cell_texts import CellTexts
from pipelines.ingest.table.json_paths import json_path, paths
from pipelines.ingest.table.mapping import TableFile
from pipelines.ingest.table.numbered_lines import NumberedLines, cells_of, delimiter_of, first_line, number_lines, start_of, text_lines

MEMORY: Final = "1GB"
LINE: Final = "line number"
"""The column that holds a row's line; a file's columns stand beside it under their places."""
BY_RULE: Final = "\x1f"
"""Between a line's number and its JSON text, which holds no such character."""
LOOKED_AT: Final = 100_000
"""First lines of JSON in which the keys are looked for."""
MOST_COLUMNS: Final = 10_000
UNCLOSED: Final = "holds a quote that is not closed, or text after one"
WITHIN: Final = "stands within a quote that was opened before"
REASONS: Final = {
    "MISSING COLUMNS": "has too few columns", "TOO MANY COLUMNS": "has too many columns", "INVALID ENCODING": "is not UTF-8",
    "UNQUOTED VALUE": UNCLOSED, "LINE SIZE OVER MAXIMUM": "is too long",
}  # fmt: skip
"""DuckDB's kinds of errors in a record."""


def form_of(path: Path, file: TableFile) -> Literal["csv", "json", "parquet"]:
    """How the file is written: as the mapping says, or as it begins."""
    if file.form:
        return file.form
    if start_of(path).startswith(b"PAR1"):
        return "parquet"
    line, _ = next(text_lines(path, file.encoding), (b"", False))
    return "json" if line.lstrip().startswith(b"{") else "csv"


@dataclass(frozen=True)
class TableReader:
    """Reads files that are written as `file` says. lacking: columns of the mapping that a file may do without: their cells are empty. only:
    of some columns the words of which a row must hold one; others are not read."""

    file: TableFile
    lacking: frozenset[str] = frozenset()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def header(self, path: Path) -> tuple[str, ...]:
        """The file's columns, and those it may lack. Raises IngestError where the file is of no such form."""
        names = self._columns(path)
        return (*names, *sorted(self.lacking - {*names}))

    def chunks(self, path: Path, wanted: Sequence[str], scratch: Path) -> Iterator[Chunk]:
        """Every row. The file is turned into Parquet in `scratch` first: only then is it known what was rejected."""
        scratch.mkdir(exist_ok=True)
        con = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY, "temp_directory": str(scratch)})
        con.execute("SET enable_progress_bar = false")
        try:
            into = scratch / "rows.parquet"
            faults, last = self._read(con, path, wanted, scratch, into)
        except duckdb.Error as error:
            raise IngestError("log file", str(path), f"It cannot be read: {str(error).splitlines()[0]}") from None
        finally:
            con.close()
        yield Chunk(pa.table({name: pa.array([], pa.string()) for name in wanted}), np.empty(0, np.int64), [], faults)
        for batch in pq.ParquetFile(into).iter_batches(CHUNK_LINES):
            table = pa.Table.from_batches([batch]).filter(pc.less_equal(pc.field(LINE), last))
            cells = table.drop_columns([LINE]).rename_columns(list(wanted))
            yield Chunk(cells, np.asarray(table[LINE].to_numpy(), np.int64), CellTexts(cells), [])
        into.unlink()

    def _columns(self, path: Path) -> tuple[str, ...]:
        form = form_of(path, self.file)
        if form == "parquet":
            try:
                schema = pq.read_schema(path)
            except (OSError, pa.ArrowInvalid) as error:
                raise IngestError("log file", str(path), f"It is no Parquet file: {error}.") from None
            return tuple(schema.names)
        if form == "json":
            return self._keys(path)
        if self.file.header:
            return self.file.header
        line = first_line(path, self.file.encoding, self.file.skip)
        names = cells_of(line, self._delimiter(path), self.file.quote)
        if len(names) > MOST_COLUMNS:
            raise IngestError("header", line[:200], f"{path.name} has {len(names):,} columns; most is {MOST_COLUMNS:,}.")
        return names

    def _delimiter(self, path: Path) -> str:
        return self.file.delimiter or delimiter_of(first_line(path, self.file.encoding, self.file.skip), self.file.quote)

    def _keys(self, path: Path) -> tuple[str, ...]:
        """The keys of a file of JSON lines, as they first come."""
        found: dict[str, None] = {}
        for (line, _), _ in zip(text_lines(path, self.file.encoding), range(LOOKED_AT), strict=False):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):  # a fault of this line alone, told later
                continue
            if isinstance(row, dict):
                found.update(dict.fromkeys(paths(row)))
        if not found:
            raise IngestError("log file", str(path), "None of its lines is a JSON object.")
        return tuple(found)

    def _read(
        self, con: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str], scratch: Path, into: Path
    ) -> tuple[list[Fault], int]:
        form = form_of(path, self.file)
        if form == "parquet":
            _write(con, self._of_parquet(path, wanted), into)
            return [], pq.read_metadata(path).num_rows
        numbered = scratch / "numbered"
        encoding = self.file.encoding
        if form == "json":
            lines = number_lines(path, encoding, BY_RULE.encode(), 0, b"", numbered)
            faults = self._of_json(con, numbered, wanted, into, lines.lines)
        else:
            names, delimiter = self._columns(path), self._delimiter(path)
            end = delimiter * (len(names) - 1)
            before = self.file.skip + (0 if self.file.header else 1)
            lines = number_lines(path, encoding, delimiter.encode(), before, end.encode(), numbered)
            faults = self._of_text(con, numbered, names, delimiter, wanted, into, before, lines)
        numbered.unlink()
        return [*lines.faults, *faults], lines.lines

    def _kept(self, cell: Callable[[str], str]) -> str:
        """The condition that a row is read. cell: the expression of a column's cell."""
        parts = [f"{cell(name)} IN ({', '.join(map(sql_string, words))})" for name, words in self.only.items() if words]
        return " AND ".join(parts) or "true"

    def _cell(self, text: str) -> str:
        """The expression that cleans a cell: without spaces around, and empty where it stands for nothing."""
        nulls = ", ".join(map(sql_string, self.file.nulls)) or "''"
        return f"CASE WHEN {text} IS NULL OR trim({text}) IN ({nulls}) THEN '' ELSE trim({text}) END"

    def _of_text(
        self,
        con: duckdb.DuckDBPyConnection,
        numbered: Path,
        names: Sequence[str],
        delimiter: str,
        wanted: Sequence[str],
        into: Path,
        before: int,
        lines: NumberedLines,
    ) -> list[Fault]:
        """Of the lines after the first `before` ones."""
        last = lines.lines
        places = ["n", *(f"c{i}" for i in range(len(names)))]
        columns = "{" + ", ".join(f"{sql_string(place)}: 'VARCHAR'" for place in places) + "}"
        source = (
            f"read_csv({sql_string(literal_path(numbered))}, delim={sql_string(delimiter)}, quote={sql_string(self.file.quote)},"
            f" escape={sql_string(self.file.escape if self.file.quote else '')}, comment='', header=false, auto_detect=false,"
            f" new_line='\\n', columns={columns}, store_rejects=true, parallel=false, null_padding=false, strict_mode=true,"
            f" max_line_size={LONGEST_LINE * 2}, compression='none')"
        )
        mark = sql_string(r"\n\d+" + re.escape(delimiter))  # of the lines within a cell

        def cell(name: str) -> str:
            if name not in names:
                return "''"
            raw = f"c{names.index(name)}"
            return self._cell(f"(CASE WHEN contains({raw}, chr(10)) THEN regexp_replace({raw}, {mark}, chr(10), 'g') ELSE {raw} END)")

        parts = [f"{cell(name)} AS {sql_name(f'w{i}')}" for i, name in enumerate(wanted)]
        number = f"try_cast(n AS BIGINT) AS {sql_name(LINE)}"
        _write(
            con, f"SELECT {', '.join([number, *parts])} FROM {source} WHERE try_cast(n AS BIGINT) > {last} OR ({self._kept(cell)})", into
        )
        faults = self._rejected(con, delimiter, last)
        known = con.execute(f"SELECT max({sql_name(LINE)}) FROM read_parquet({sql_string(literal_path(into))})").fetchall()[0][0] or 0
        if known <= last and max((fault.line for fault in faults), default=0) <= last:  # the sentinel was read as part of a cell
            known = con.execute(f"SELECT max(try_cast(n AS BIGINT)) FROM {source}").fetchall()[0][0] or 0  # of all rows, read or not
            begun = max([known, before, *(fault.line for fault in faults)])
            ends = " + ".join(f"length({place}) - length(replace({place}, chr(10), ''))" for place in places[1:])
            spans = con.execute(f"SELECT {ends} FROM {source} WHERE n = '{begun}'").fetchall()
            first = begun + 1 + int(spans[0][0] or 0 if spans else 0)
            told = {fault.line for fault in lines.faults}
            hidden = [line for line in range(first, last + 1) if line not in told]
            faults += [Fault(line, UNCLOSED if line == hidden[0] else WITHIN, b"") for line in hidden]
        return [fault for fault in faults if fault.line <= last]

    def _refuse_hopeless(self, count: str, con: duckdb.DuckDBPyConnection, last: int) -> None:
        """Raises IngestError where most lines cannot be read, and they are too many to be told one by one. count: what counts them."""
        bad = con.execute(count).fetchall()[0][0]
        if bad > HOPELESS and bad > last / 2:
            fix = "Most of them are not of this form: name its delimiter, quotes and encoding in the mapping (`file`). Nothing has landed."
            raise IngestError("lines that cannot be read", f"{bad:,} of {last:,}", fix)

    def _rejected(self, con: duckdb.DuckDBPyConnection, delimiter: str, last: int) -> list[Fault]:
        """What DuckDB rejected: one fault a record, and one for each further line that a quote hid."""
        self._refuse_hopeless("SELECT count(DISTINCT line) FROM reject_errors", con, last)
        rows: list[tuple[str, str]] = con.execute(
            "SELECT any_value(csv_line), arg_min(error_type::VARCHAR, column_idx) FROM reject_errors GROUP BY line"
        ).fetchall()
        faults: list[Fault] = []
        for text, kind in rows:
            lines = [line.partition(delimiter) for line in re.split(r"\n(?=\d)", str(text))]
            hidden = lines[1:] if kind == "UNQUOTED VALUE" else []  # other records of several lines are one fault
            shown = lines[0][2] if hidden else "\n".join(rest for _, _, rest in lines)
            faults.append(
                Fault(int(lines[0][0]), REASONS.get(str(kind), str(kind).lower()) if shown else "is empty", shown.encode()[:SHOWN])
            )
            faults += [Fault(int(number), WITHIN, rest.encode()[:SHOWN]) for number, _, rest in hidden]
        return faults

    def _of_json(self, con: duckdb.DuckDBPyConnection, numbered: Path, wanted: Sequence[str], into: Path, last: int) -> list[Fault]:
        source = (
            f"read_csv({sql_string(literal_path(numbered))}, delim={sql_string(BY_RULE)}, quote='', escape='', comment='', header=false,"
            " auto_detect=false, new_line='\\n', columns={'n': 'BIGINT', 'j': 'VARCHAR'}, store_rejects=true, parallel=false,"
            f" max_line_size={LONGEST_LINE * 2}, compression='none')"
        )
        con.execute(
            f"CREATE TEMP TABLE spoken AS SELECT n, CASE WHEN good THEN j END AS j, CASE WHEN NOT good THEN j[:{SHOWN}] END AS bad FROM"
            " (SELECT n, j, coalesce(CASE WHEN json_valid(j) THEN json_type(j) = 'OBJECT' END, false) AS good"
            f" FROM {source} WHERE n <= {last})"
        )

        def cell(name: str) -> str:
            return self._cell(f"json_extract_string(j, {sql_string(json_path(name))})")

        cells = [f"{cell(name)} AS {sql_name(f'w{i}')}" for i, name in enumerate(wanted)]
        number = f"n AS {sql_name(LINE)}"
        _write(con, f"SELECT {', '.join([number, *cells])} FROM spoken WHERE j IS NOT NULL AND ({self._kept(cell)})", into)
        self._refuse_hopeless("SELECT count(*) FROM spoken WHERE j IS NULL", con, last)
        bad = con.execute("SELECT n, bad FROM spoken WHERE j IS NULL").fetchall()
        found = [Fault(int(n), "is no JSON object" if text else "is empty", str(text or "").encode()) for n, text in bad]
        return found + [fault for fault in self._rejected(con, BY_RULE, last) if fault.line <= last]

    def _of_parquet(self, path: Path, wanted: Sequence[str]) -> str:
        schema = pq.read_schema(path)

        def cell(name: str) -> str:
            return self._cell(_as_text(schema.field(name).type, sql_name(name), name)) if name in schema.names else "''"

        number = f"file_row_number + 1 AS {sql_name(LINE)}"
        parts = [number, *(f"{cell(name)} AS {sql_name(f'w{i}')}" for i, name in enumerate(wanted))]
        return (
            f"SELECT {', '.join(parts)} FROM read_parquet({sql_string(literal_path(path))}, file_row_number=true, hive_partitioning=false,"
            f" binary_as_string=true) WHERE {self._kept(cell)}"
        )


def _as_text(kind: pa.DataType, column: str, name: str) -> str:
    """The expression of a typed column as text: whole numbers without a point, moments as ISO writes them."""
    if pa.types.is_nested(kind):
        raise IngestError(f"column {name}", str(kind), "It holds lists or structures; a column of single values is needed.")
    if pa.types.is_floating(kind):
        whole = f"isfinite({column}) AND {column} = trunc({column}) AND abs({column}) < 9007199254740992"
        return f"(CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END)"
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return f"(strftime(make_timestamp(epoch_us({column})), '%Y-%m-%d %H:%M:%S.%f') || '+00:00')"
    return f"CAST({column} AS VARCHAR)"


def _write(con: duckdb.DuckDBPyConnection, rows: str, into: Path) -> None:
    con.execute(f"COPY ({rows}) TO {sql_string(str(into))} (FORMAT parquet, COMPRESSION zstd)")
