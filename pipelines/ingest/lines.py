"""A delimited log, line by line: one row a line, no quoting, and every line that cannot be split is told apart, not dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipelines.ingest.chunk import Chunk, Fault
from pipelines.ingest.format import IngestError

CHUNK_LINES: Final = 50_000
CHUNK_BYTES: Final = 1 << 26
SHOWN: Final = 1000
"""Bytes of a broken line that are kept in a fault; the whole of it stays in the raw copy."""
LONGEST_LINE: Final = 1 << 20
"""Bytes; a longer line is broken."""
BOM: Final = b"\xef\xbb\xbf"
OTHER_FORMS: Final = {
    b"\x1f\x8b": "It is compressed: unpack it first (`gunzip`).",
    b"PK\x03\x04": "It is an archive: unpack it first (`unzip`).",
    b"\x28\xb5\x2f\xfd": "It is compressed: unpack it first (`unzstd`).",
    b"\xfd7zXZ": "It is compressed: unpack it first (`unxz`).",
    b"BZh": "It is compressed: unpack it first (`bunzip2`).",
    b"PAR1": "It is a Parquet file; write it as delimited text.",
    b"\xff\xfe": "It is UTF-16: write it as UTF-8 (`iconv -f utf-16 -t utf-8`).",
    b"\xfe\xff": "It is UTF-16: write it as UTF-8 (`iconv -f utf-16 -t utf-8`).",
}
"""First bytes of files that are no delimited text in UTF-8, and what to do with each."""
CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|\xc2[\x80-\x9f]")
"""Control characters, but for the tab: no text of a person holds one, and in a log's cell they hide or fake something."""


def _next(handle: BinaryIO) -> tuple[bytes, bool] | None:
    """The next line without its ending, and whether it was too long (then only its start is kept)."""
    line = handle.readline(LONGEST_LINE + 2)
    if not line:
        return None
    whole = line.endswith(b"\n") or len(line) <= LONGEST_LINE
    if not whole:
        while (rest := handle.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass
    return line.rstrip(b"\n").removesuffix(b"\r"), not whole


def read_header(path: Path, separator: str) -> tuple[str, ...]:
    """The column names. Raises IngestError for a file without a readable first line."""
    try:
        with path.open("rb") as handle:
            first = _next(handle)
    except OSError as error:
        raise IngestError("log file", str(path), f"It cannot be read: {error.strerror}.") from None
    if first is None:
        raise IngestError("log file", str(path), "It is empty; a header line with the column names is needed.")
    if packed := next((fix for magic, fix in OTHER_FORMS.items() if first[0].startswith(magic)), ""):
        raise IngestError("log file", str(path), packed)
    try:
        return tuple(name.strip() for name in first[0].removeprefix(BOM).decode().split(separator))
    except UnicodeDecodeError:
        raise IngestError("header", repr(first[0][:80]), "The first line is not UTF-8 text.") from None


def _flaw(line: bytes, too_long: bool, columns: int, separator: str) -> str:
    """Why a line cannot be split into columns, or ""."""
    if too_long:
        return f"longer than {LONGEST_LINE} bytes"
    if (seen := line.count(separator.encode()) + 1) != columns:
        return f"has {seen} columns instead of {columns}" if line else "is empty"
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start}"
    if (found := CONTROL.search(line)) or (separator != "\t" and b"\t" in line):
        return f"holds the control character {found[0].decode() if found else chr(9)!r}"
    return ""


def read_chunks(path: Path, header: Sequence[str], wanted: Sequence[str], separator: str) -> Iterator[Chunk]:
    """Every line after the header, CHUNK_LINES at a time: those that split as cells, the others as faults."""
    with path.open("rb") as handle:
        _next(handle)
        number, ended = 1, False
        while not ended:
            texts: list[bytes] = []
            numbers: list[int] = []
            faults: list[Fault] = []
            size = 0
            while len(texts) + len(faults) < CHUNK_LINES and size < CHUNK_BYTES:
                read = _next(handle)
                if read is None:
                    ended = True
                    break
                number += 1
                size += len(read[0])
                if reason := _flaw(*read, len(header), separator):
                    faults.append(Fault(number, reason, read[0][:SHOWN]))
                else:
                    texts.append(read[0])
                    numbers.append(number)
            if texts or faults:
                yield Chunk(_split(texts, header, wanted, separator), np.array(numbers, np.int64), texts, faults)


@dataclass(frozen=True)
class DelimitedLines:
    """The reader of logs that hold one row a line and no quotes."""

    separator: str

    def header(self, path: Path) -> tuple[str, ...]:
        return read_header(path, self.separator)

    def chunks(self, path: Path, wanted: Sequence[str], scratch: Path) -> Iterator[Chunk]:
        return read_chunks(path, self.header(path), wanted, self.separator)


def _split(texts: list[bytes], header: Sequence[str], wanted: Sequence[str], separator: str) -> pa.Table:
    """The wanted columns as strings."""
    if not texts:
        return pa.table({name: pa.array([], pa.string()) for name in wanted})
    body = b"\n".join(texts) + b"\n"
    names = [str(i) for i in range(len(header))]  # positions: a header may hold an empty name
    table = pa.csv.read_csv(
        pa.BufferReader(body),
        pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(body) + 1),
        pa.csv.ParseOptions(delimiter=separator, quote_char=False, ignore_empty_lines=False),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=[names[header.index(name)] for name in wanted],
            strings_can_be_null=False,
        ),
    )
    assert len(table) == len(texts), "one row a line"
    return table.rename_columns(list(wanted))
