"""Every line of a file is a row's, or a fault's: none is lost, whatever quotes do."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.ingest.chunk import Fault
from pipelines.ingest.format import IngestError
from pipelines.ingest.table.mapping import TableFile
from pipelines.ingest.table.table_reader import TableReader
from tests.examples import examples

Rows = list[tuple[int, tuple[str, ...]]]


def read(
    path: Path, *wanted: str, file: TableFile | None = None, only: dict[str, tuple[str, ...]] | None = None
) -> tuple[Rows, list[Fault]]:
    rows: Rows = []
    faults: list[Fault] = []
    with tempfile.TemporaryDirectory() as scratch:
        for chunk in TableReader(file or TableFile(), only=only or {}).chunks(path, wanted, Path(scratch) / "reading"):
            faults += chunk.faults
            cells = zip(*(chunk.cells[name].to_pylist() for name in wanted), strict=True)
            rows += zip(chunk.line.tolist(), cells, strict=True)
    return rows, faults


PIECES = ["a", ",", '"', '"', "\n", "a,b\n", '"x",y\n', '"x\ny",z\n', "\r\n", "é", '""', "1;2", "7,"]


@settings(max_examples=examples(40), deadline=None)
@example(pieces=["\r", "a,b\n", '"'], end=False)
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=40), end=st.booleans())
def test_no_line_is_lost_or_told_twice(pieces: list[str], end: bool) -> None:
    text = "p,q\n" + "".join(pieces) + ("\n" if end else "")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        path.write_text(text, newline="")
        rows, faults = read(path, "p", "q", file=TableFile(delimiter=","))
    lines = text.removesuffix("\n").split("\n")
    starts = sorted([*(line for line, _ in rows), *(fault.line for fault in faults)])
    assert len({*starts}) == len(starts)
    assert starts == [] if len(lines) == 1 else starts[0] == 2
    span = {line: sum(cell.count("\n") for cell in cells) for line, cells in rows}
    span |= {fault.line: fault.text.count(b"\n") for fault in faults}
    for line, following in zip(starts, [*starts[1:], len(lines) + 1], strict=True):
        blank = [text for text in lines[line + span[line] : following - 1] if text.strip()]
        assert not blank, f"lines after {line}"  # ends of lines at the edge of a cell are trimmed away; other lines are within the cell


def test_cells_of_several_lines_are_whole_and_later_lines_keep_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text('p,q\n"one\n2,3\n\nfour","x"\n5,"6\n7"\nlast,8\n')
    rows, faults = read(tmp_path / "log.csv", "p", "q")
    assert rows == [(2, ("one\n2,3\n\nfour", "x")), (6, ("5", "6\n7")), (8, ("last", "8"))] and not faults


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "\x01", "¦", "^", "."])
def test_any_character_stands_between_cells(delimiter: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f'p{delimiter}q\n"a{delimiter}b\nc"{delimiter}2\n')
    assert read(tmp_path / "log", "q", "p", file=TableFile(delimiter=delimiter))[0] == [(2, ("2", f"a{delimiter}b\nc"))]


def test_quotes_are_as_the_mapping_says(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("p,q\n'a,''b',\"\nc,d\n")
    assert read(tmp_path / "log", "p", "q", file=TableFile(quote="'", escape="'"))[0] == [(2, ("a,'b", '"')), (3, ("c", "d"))]
    (tmp_path / "log").write_text('p,q\n"a \\"b\\", c",d\n')
    assert read(tmp_path / "log", "p", "q", file=TableFile(escape="\\"))[0] == [(2, ('a "b", c', "d"))]
    (tmp_path / "log").write_text('p,q\n5" pipe,d\n')
    assert read(tmp_path / "log", "p", "q", file=TableFile(quote=""))[0] == [(2, ('5" pipe', "d"))]


def test_files_and_columns_of_odd_names_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "it's [new]*"
    folder.mkdir()
    name = "a \"b\" 'c', d"
    pq.write_table(pa.table({name: ["x"], "$.y": [1.0]}), folder / "50% {off}?.parquet")
    assert read(folder / "50% {off}?.parquet", name, "$.y")[0] == [(1, ("x", "1"))]
    (folder / "t.csv").write_text('"a ""b"" \'c\', d",e\nx,y\n')
    assert read(folder / "t.csv", name)[0] == [(2, ("x",))]
    (folder / "t.jsonl").write_text('{"a \\"b\\" \'c\', d": "x", "n": {"m": {"o": [1, 2]}}}\n')
    assert read(folder / "t.jsonl", name, "$.n.m.o")[0] == [(1, ("x", "[1,2]"))]


def test_typed_columns_of_parquet_are_text_as_people_write_it(tmp_path: Path) -> None:
    table = pa.table({
        "whole": pa.array([3.0, None]), "half": pa.array([0.5, float("nan")]), "yes": pa.array([True, None]),
        "at": pa.array([1767607200_000_001, None], pa.timestamp("us", tz="Europe/Berlin")),
        "naive": pa.array([1767607200, None], pa.timestamp("s")),
        "day": pa.array([20458, None], pa.date32()), "word": pa.array(["NULL", " a "]).dictionary_encode(), "bytes": pa.array([b"b", None]),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "t")
    (first, second), _ = read(tmp_path / "t", *table.column_names)
    assert first == (1, ("3", "0.5", "true", "2026-01-05 10:00:00.000001+00:00", "2026-01-05 10:00:00", "2026-01-05", "", "b"))
    assert second == (2, ("", "nan", "", "", "", "", "a", ""))


def test_only_the_rows_of_some_words_are_read_and_keep_their_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("p,q\n1,DE\n2,FR\n3,DE\n")
    pq.write_table(pa.table({"p": [1, 2, 3], "q": ["DE", "FR", "DE"]}), tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text('{"p": 1, "q": "DE"}\n{"p": 2}\n{"p": 3, "q": "DE"}\n')
    for name, first in (("t.csv", 2), ("t.parquet", 1), ("t.jsonl", 1)):
        assert read(tmp_path / name, "p", only={"q": ("DE",)})[0] == [(first, ("1",)), (first + 2, ("3",))], name


BROKEN = {
    "empty": (b"", "is empty"),
    "half of a gzip file": (gzip.compress(b"p,q\n" + b"1,2\n" * 10_000)[:60], "cannot be unpacked"),
    "Parquet without its end": (b"PAR1" + b"\0" * 100, "no Parquet file"),
    "an archive": (b"PK\x03\x04abc", "unpack it first"),
    "bytes of no text": (b"\x80\x81\x82,\n1,2\n", "is not text in utf-8"),
    "UTF-16 cut off": ("p,q\n1,2\n".encode("utf-16")[:-1], "no text in"),
    "no object of JSON": (b'{"p": \n{\n', "None of its lines"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(how: str, tmp_path: Path) -> None:
    content, words = BROKEN[how]
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(IngestError, match=words):
        TableReader(TableFile()).header(tmp_path / "log")
        read(tmp_path / "log", "p")
