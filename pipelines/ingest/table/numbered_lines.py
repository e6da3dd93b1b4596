"""A text file, whatever its encoding and compression, as plain UTF-8 lines with the number of each before it.

DuckDB tells the line of a record that it rejects, and not of one that it reads; a first column that holds the number tells it of both,
also where quoted cells hold ends of lines. A last line of its own shows whether an opened quote hid the end of the file.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa

from pipelines.ingest.chunk import Fault
from pipelines.ingest.format import IngestError
from pipelines.ingest.lines import LONGEST_LINE, SHOWN

BLOCK: Final = 1 << 20
COMPRESSIONS: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
BOMS: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
OTHERS: Final = {b"PK\x03\x04": "It is an archive: unpack it first (`unzip`).", b"\xfd7zXZ": "It is compressed: unpack it first (`unxz`)."}


@dataclass(frozen=True)
class NumberedLines:
    """lines: how many the file has, its header among them. faults: lines that no reader could take, which were left out."""

    lines: int
    faults: list[Fault]


def start_of(path: Path) -> bytes:
    """The first bytes of the file. Raises IngestError where it cannot be read, or is empty."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise IngestError("log file", str(path), f"It cannot be read: {error.strerror}.") from None
    if not start:
        raise IngestError("log file", str(path), "It is empty; rows are needed.")
    if fix := next((fix for magic, fix in OTHERS.items() if start.startswith(magic)), ""):
        raise IngestError("log file", str(path), fix)
    return start


def _blocks(path: Path) -> Iterator[bytes]:
    start = start_of(path)
    packed = next((name for magic, name in COMPRESSIONS.items() if start.startswith(magic)), None)
    try:
        with pa.input_stream(str(path), compression=packed) as stream:
            while block := stream.read(BLOCK):
                yield block
    except (OSError, pa.ArrowInvalid) as error:
        raise IngestError("log file", str(path), f"It cannot be unpacked to its end: {error}.") from None


def _in_utf8(path: Path, encoding: str) -> Iterator[bytes]:
    """Blocks of UTF-8. A byte that the encoding does not know stays itself, which no UTF-8 is: its line is a fault later on."""
    decoder: codecs.IncrementalDecoder | None = None
    for number, block in enumerate(_blocks(path)):
        if number == 0:
            bom, seen = next(((bom, name) for bom, name in BOMS.items() if block.startswith(bom)), (b"", codecs.lookup(encoding).name))
            block = block.removeprefix(bom)
            if seen != "utf-8":
                decoder = codecs.getincrementaldecoder(seen)("surrogateescape")
        yield _encoded(path, encoding, decoder, block) if decoder else block
    if decoder:
        yield _encoded(path, encoding, decoder, b"", True)


def _encoded(path: Path, encoding: str, decoder: codecs.IncrementalDecoder, block: bytes, last: bool = False) -> bytes:
    try:
        return decoder.decode(block, last).encode("utf-8", "surrogateescape")
    except UnicodeError as error:
        raise IngestError("log file", str(path), f"It is no text in {encoding}: {error}.") from None


def text_lines(path: Path, encoding: str) -> Iterator[tuple[bytes, bool]]:
    """Every line without its end, in UTF-8, and whether it was too long: then its start alone."""
    rest = b""
    long = False
    for block in _in_utf8(path, encoding):
        *whole, last = block.split(b"\n")
        for line in whole:
            joined, rest = rest + line, b""
            yield joined.removesuffix(b"\r")[:LONGEST_LINE], long or len(joined) > LONGEST_LINE
            long = False
        rest += last
        if len(rest) > LONGEST_LINE + 2:
            long, rest = True, rest[:SHOWN]
    if rest or long:
        yield rest.removesuffix(b"\r"), long


def first_line(path: Path, encoding: str, skip: int = 0) -> str:
    """The line after the first `skip` ones. Raises IngestError where it is no text."""
    line, long = next(islice(text_lines(path, encoding), skip, None), (b"", False))
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise IngestError(
            "header", repr(line[:80]), f"The first line is not text in {encoding}; name the encoding in the mapping."
        ) from None
    if long or "\0" in text:
        raise IngestError("header", repr(line[:80]), f"{path.name} does not begin with a line of text.")
    return text


def delimiter_of(line: str, quote: str) -> str:
    """The one of comma, semicolon, tab and bar that cuts a header into the most cells."""
    return max(",;\t|", key=lambda mark: len(cells_of(line, mark, quote)))


def cells_of(line: str, delimiter: str, quote: str) -> tuple[str, ...]:
    reader = csv.reader([line], delimiter=delimiter, quotechar=quote or None, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE)
    return tuple(cell.strip() for row in reader for cell in row)


def number_lines(path: Path, encoding: str, delimiter: bytes, skip: int, sentinel: bytes, into: Path) -> NumberedLines:
    """Writes `into`: of each line but the first `skip` its number, the delimiter, the line; then the sentinel under the next number."""
    faults: list[Fault] = []
    number = 0
    with into.open("wb", buffering=BLOCK) as out:
        for number, (line, long) in enumerate(text_lines(path, encoding), 1):
            if number <= skip:
                continue
            if long:
                faults.append(Fault(number, f"longer than {LONGEST_LINE} bytes", line[:SHOWN]))
            elif found := next((mark for mark in (b"\r", b"\0") if mark in line), b""):
                faults.append(Fault(number, f"holds the control character {found.decode()!r}", line[:SHOWN]))
            else:
                out.write(b"%d%b%b\n" % (number, delimiter, line))
        out.write(b"%d%b%b\n" % (number + 1, delimiter, sentinel))
    return NumberedLines(number, faults)
