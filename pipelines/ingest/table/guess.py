"""A mapping to begin with, made by looking at a file: what its columns hold, and which of them are likely to be what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipelines.ingest.chunk import Chunk
from pipelines.ingest.format import IngestError
from pipelines.ingest.table.likely_names import likely
from pipelines.ingest.table.mapping import TableColumn, TableFile
from pipelines.ingest.table.numbered_lines import BOMS, cells_of, delimiter_of, start_of, text_lines
from pipelines.ingest.table.table_cells import ISO, NO, NUMBER, OFFSET, YES, TableCells
from pipelines.ingest.table.table_reader import TableReader, form_of
from pipelines.ingest.table.vocabulary import FIELDS, MappedField

ROWS: Final = 20_000
"""Rows that are looked at, the first of the file."""
MOST_BYTES: Final = 1 << 26
SAMPLES: Final = 3
LONGEST_TITLE: Final = 10
"""Lines within which the header is looked for."""
LONGEST_SAMPLE: Final = 40
MOSTLY: Final = 0.95
"""Share of a column's cells that must be of a kind, since a few may be broken."""
OTHERWISE: Final = "cp1252"
"""What a file that is not UTF-8 is taken for: the usual encoding of spreadsheets in the west."""
PATTERNS: Final = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M", "%d/%m/%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d", "%Y%m%d", "%y%m%d%H", "%d/%b/%Y:%H:%M:%S %z", "%d %b %Y",
)  # fmt: skip


@dataclass(frozen=True)
class ColumnLook:
    """What a column holds. kind: empty, time, truth, whole, number or text. rule: how its times are read. zoned: whether they all bear an
    offset."""

    name: str
    kind: str
    empty: float
    distinct: int
    samples: tuple[str, ...]
    rule: str = ""
    zoned: bool = False


@dataclass(frozen=True)
class TableLook:
    """What a file holds, of the rows that were looked at. missing: required fields for which no column was found."""

    table: str
    columns: tuple[ColumnLook, ...]
    found: Mapping[str, str]
    missing: tuple[str, ...]
    rows: int
    text: str


def guessed(path: Path, table: str | None = None) -> TableLook:
    """Looks at the first rows of a file. table: what a row is, where that is known. Raises IngestError where it cannot be read."""
    if not path.is_file():  # a pipe or a device may never end
        raise IngestError("table", str(path), "It is no file.")
    with TemporaryDirectory() as scratch:
        file, cells = _first_rows(path, Path(scratch))
    looks = tuple(_look(name, cells[name].to_pylist()) for name in cells.column_names)
    table = table or _table(looks)
    found = _found(looks, table)
    missing = tuple(name for name, of in FIELDS[table].items() if of.required and name not in found)
    return TableLook(table, looks, found, missing, len(cells), _written(path, table, looks, found, missing, file, len(cells)))


def _first_rows(path: Path, scratch: Path) -> tuple[dict[str, str], pa.Table]:
    """How the file is written, and its first rows as text."""
    start, file = start_of(path), dict[str, str]()
    head = scratch / "head"
    if start.startswith(b"PAR1"):
        names = TableReader(TableFile()).header(path)
        batch = next(pq.ParquetFile(path).iter_batches(ROWS), None)
        if batch is None:
            raise IngestError("table", str(path), "It holds no row.")
        flat = [name for name in names if not pa.types.is_nested(batch.schema.field(name).type)]
        pq.write_table(pa.Table.from_batches([batch]).select(flat), head)
    else:
        lines = _first_lines(path, "utf-8")
        if not any(start.startswith(bom) for bom in BOMS) and not _is_utf8(lines):
            file["encoding"] = OTHERWISE
            lines = _first_lines(path, OTHERWISE)
        head.write_bytes(b"\n".join(lines) + b"\n")
        if form_of(head, TableFile()) == "csv":
            skip, file["delimiter"] = _header(lines)
            head.write_bytes(b"\n".join(lines[skip:]) + b"\n")
            file |= {"skip": str(skip)} if skip else {}
    reader = TableReader(TableFile(delimiter=file.get("delimiter")))
    names = reader.header(head)
    wanted = [name for name in names if names.count(name) == 1]
    parts: list[Chunk] = [*reader.chunks(head, wanted, scratch / "reading")]
    return file, pa.concat_tables([part.cells for part in parts])


def _first_lines(path: Path, encoding: str) -> list[bytes]:
    """The header and ROWS lines, fewer where they are long."""
    lines, size = list[bytes](), 0
    for line, _ in text_lines(path, encoding):
        lines.append(line)
        size += len(line)
        if len(lines) > ROWS or size > MOST_BYTES:
            break
    return lines


def _header(lines: Sequence[bytes]) -> tuple[int, str]:
    """How many lines stand before the header, and the delimiter: a report begins with a title, which has one cell."""
    texts = [line.decode(errors="replace") for line in lines[:LONGEST_TITLE]]
    marks = [delimiter_of(text, '"') for text in texts]
    counts = [len(cells_of(text, mark, '"')) for text, mark in zip(texts, marks, strict=True)]
    widest = counts.index(max(counts))
    skip = widest if all(count < max(counts) / 2 for count in counts[:widest]) else 0
    return skip, marks[skip]


def _is_utf8(lines: Sequence[bytes]) -> bool:
    try:
        b"\n".join(lines).decode()
    except UnicodeDecodeError:
        return False
    return True


def _look(name: str, cells: Sequence[str]) -> ColumnLook:
    full = [cell for cell in cells if cell]
    seen = dict.fromkeys(full)
    share, samples = 1 - len(full) / max(len(cells), 1), tuple(cell[:LONGEST_SAMPLE] for cell in [*seen][:SAMPLES])

    def look(kind: str, rule: str = "", zoned: bool = False) -> ColumnLook:
        return ColumnLook(name, kind, share, len(seen), samples, rule, zoned)

    def mostly(good: Callable[[str], object]) -> bool:
        return sum(1 for cell in full if good(cell)) >= MOSTLY * len(full)

    if not full:
        return look("empty")
    if len(seen) <= 4 and all(cell.lower() in YES + NO for cell in seen):
        return look("truth")
    if mostly(re.compile(rf"(?:{ISO})\Z").match):
        return look("time", "iso", all(re.search(OFFSET.replace(r"\z", r"\Z"), cell) and len(cell) > 10 for cell in full))
    if mostly(re.compile(rf"(?:{NUMBER})\Z").match):
        for rule, low in (("epoch_s", 1e9), ("epoch_ms", 1e12), ("epoch_us", 1e15)):
            if mostly(_between(low)):
                return look("time", rule, True)
        if likely(name, "ts") is not None and (rule := _pattern(full)):
            return look("time", rule)
        return look("whole" if mostly(re.compile(r"\d+\Z").match) else "number")
    if rule := _pattern(full):
        return look("time", rule, "%z" in rule)
    return look("text")


def _between(low: float) -> Callable[[str], bool]:
    """Whether a cell is a number of the size that moments of these years have, of which `low` is one of 2001."""

    def between(cell: str) -> bool:
        try:
            return low <= float(cell) < 2.2 * low
        except ValueError:
            return False

    return between


def _pattern(full: Sequence[str]) -> str:
    """The first of the usual patterns that reads nearly all of some cells; "" where none does."""
    some = pa.table({"cell": pa.array(full[:1000], pa.string())})
    for pattern in PATTERNS:
        checks = TableCells(some, ".")
        checks.field(TableColumn(column=("cell",), time=pattern, zone="UTC"), MappedField("time", ""), "ts")
        if (checks.reasons == "").mean() >= MOSTLY:
            return pattern
    return ""


FITS: Final[dict[str, tuple[str, ...]]] = {
    "time": ("time",), "truth": ("truth",), "number": ("number", "whole", "truth"), "whole": ("whole", "truth"),
    "money": ("number", "whole", "truth"),
}  # fmt: skip
"""Kinds of columns that can be a field of a kind; text fields take any."""


def _found(looks: Sequence[ColumnLook], table: str) -> dict[str, str]:
    """Of each field the likeliest column; a column is for one field."""
    pairs = []
    for at, (field, of) in enumerate(FIELDS[table].items()):
        for look in looks:
            rank = likely(look.name, field)
            if rank is not None and look.kind in FITS.get(of.kind, (look.kind,)) and look.kind != "empty":
                pairs.append((not of.required, rank, at, field, look.name))
    found: dict[str, str] = {}
    for *_, field, column in sorted(pairs):
        if field not in found and column not in found.values() and not (field == "age_band" and "age" in found):
            found[field] = column
    if "ts" not in found and (times := [look.name for look in looks if look.kind == "time" and look.name not in found.values()]):
        found["ts"] = times[0]
    return found


def _table(looks: Sequence[ColumnLook]) -> str:
    """What a row is likely to be: the table of which the file fills the most fields, less the required ones that it does not fill."""

    def fills(table: str) -> int:
        found = _found(looks, table)
        return len(found) - sum(1 for name, of in FIELDS[table].items() if of.required and name not in found)

    return max(FIELDS, key=fills)


def _written(
    path: Path,
    table: str,
    looks: Sequence[ColumnLook],
    found: Mapping[str, str],
    missing: Sequence[str],
    file: Mapping[str, str],
    rows: int,
) -> str:
    """The mapping as YAML with what was seen beside it as comments."""
    of = {look.name: look for look in looks}
    lines = [f"# Made by looking at the first {rows:,} rows of {path.name}. Read it, edit it, then:", ""]
    lines[1] = f"#   placard ingest table {path.name} --mapping THIS_FILE"
    lines += [f"as: {table}  # or: {', '.join(name for name in FIELDS if name != table)}", f"source: {_source(path)}"]
    naive = [of[column].name for field, column in found.items() if FIELDS[table][field].kind == "time" and not of[column].zoned]
    if naive:
        lines.append(f"zone: UTC  # {', '.join(naive)} bears no offset: UTC is a guess, name the zone of its clock")
    lines.append("columns:")
    for field in [name for name in FIELDS[table] if name in found]:
        look, about = of[found[field]], FIELDS[table][field]
        rule = {"column": look.name, "time": look.rule} if about.kind == "time" and look.rule != "iso" else look.name
        lines.append(f"  {field}: {_flow(rule)}  # {about.meaning}")
    for field in missing:
        lines.append(
            f"  # {field}: ...  # {FIELDS[table][field].meaning}: REQUIRED, and no column looks like it (or give it as a constant)"
        )
    if not found:
        lines[-1 - len(missing)] = "columns: {}" if not missing else "columns:"
    rest = [name for name in FIELDS[table] if name not in found and name not in missing]
    lines.append(f"# further fields: {', '.join(rest)}")
    lines += ["# constants: {surface: feed}"] + (["file:"] + [f"  {key}: {_flow(value)}" for key, value in file.items()] if file else [])
    width = max((len(look.name) for look in looks), default=0)
    lines += ["", "# The file's columns: kind, share that is empty, distinct cells, samples."]
    for look in looks:
        used = next((f" -> {field}" for field, column in found.items() if column == look.name), "")
        kind = f"{look.kind} ({look.rule})" if look.rule else look.kind
        samples = ", ".join(json.dumps(sample, ensure_ascii=False) for sample in look.samples)
        lines.append(f"#   {look.name:<{width}}  {kind}, {look.empty:.0%} empty, {look.distinct:,} distinct: {samples}{used}")
    return "\n".join(line.replace("\r", " ").replace("\x85", " ") for line in lines) + "\n"


def _flow(value: Any) -> str:
    """One value of YAML in one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
        .removesuffix("\n")
        .removesuffix("\n...")
    )


def _source(path: Path) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", path.name.split(".")[0].lower()).strip("-")[:40]
    return plain or "table"
