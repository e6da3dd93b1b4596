"""A log file's rows as its format reads them: typed where they are well formed, with a reason where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.events import TIME
from pipelines.ingest.chunk import Fault, RowReader
from pipelines.ingest.format import Format, IngestError, LogFile, Parsed
from pipelines.ingest.lines import SHOWN, DelimitedLines

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far the clock of who wrote a log may be ahead of ours; a later time lies in the future."""


def reader_of(file: LogFile) -> RowReader:
    return file.reader or DelimitedLines(file.separator)


def wanted_columns(log: Format, file: LogFile) -> tuple[str, ...]:
    """The columns that the format reads of the file. Raises IngestError naming one that the header lacks or holds twice."""
    header = reader_of(file).header(file.path)
    columns = log.columns(file, header)
    for name in columns:
        if header.count(name) != 1:
            raise IngestError(
                "header",
                ",".join(header)[:200],
                f"{file.name} needs a first line with the column {name!r}, once; it is read by name.",
            )
    return columns


def well_formed(
    log: Format, file: LogFile, columns: tuple[str, ...], faults: list[Fault], scratch: Path, now: datetime | None = None
) -> Iterator[pa.Table]:
    """Typed rows, a chunk at a time; what is wrong goes to `faults`, and so does a row with a time after `now` (default: the clock's).
    scratch: a folder of the reader's."""
    for chunk in reader_of(file).chunks(file.path, columns, scratch):
        faults.extend(chunk.faults)
        parsed = log.parse(file, chunk.cells)
        _refuse_future(parsed, now or datetime.now(UTC))
        bad = parsed.reasons != ""
        faults.extend(Fault(int(chunk.line[i]), str(parsed.reasons[i]), chunk.texts[int(i)][:SHOWN]) for i in np.flatnonzero(bad))
        yield parsed.rows.filter(pa.array(~bad))


def _refuse_future(parsed: Parsed, now: datetime) -> None:
    """Gives a reason to rows of which some time lies in the future."""
    latest = pa.scalar(now + CLOCKS_DIFFER, TIME)
    for column in parsed.rows.schema:
        if pa.types.is_timestamp(column.type):
            later = pc.fill_null(pc.greater(parsed.rows[column.name], latest), False)
            for i in np.flatnonzero(np.asarray(later.to_numpy(), bool) & (parsed.reasons == "")):
                parsed.reasons[i] = f"{column.name} lies in the future: {parsed.rows[column.name][int(i)].as_py().isoformat()}"
