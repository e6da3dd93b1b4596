"""A log file's rows as its format reads them: typed where they are well formed, with a reason where they are not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipelines.ingest.format import Format, IngestError, LogFile
from pipelines.ingest.lines import SHOWN, Fault, read_chunks, read_header


def wanted_columns(log: Format, file: LogFile) -> tuple[str, ...]:
    """The columns that the format reads of the file. Raises IngestError naming one that the header lacks or holds twice."""
    header = read_header(file.path, file.separator)
    columns = log.columns(file, header)
    for name in columns:
        if header.count(name) != 1:
            raise IngestError(
                "header",
                ",".join(header)[:200],
                f"{file.name} needs a first line with the column {name!r}, once; it is read by name.",
            )
    return columns


def well_formed(log: Format, file: LogFile, columns: tuple[str, ...], faults: list[Fault]) -> Iterator[pa.Table]:
    """Typed rows, a chunk at a time; what is wrong goes to `faults`."""
    for chunk in read_chunks(file.path, read_header(file.path, file.separator), columns, file.separator):
        faults.extend(chunk.faults)
        parsed = log.parse(file, chunk.cells)
        bad = parsed.reasons != ""
        faults.extend(Fault(int(chunk.line[i]), str(parsed.reasons[i]), chunk.texts[i][:SHOWN]) for i in np.flatnonzero(bad))
        if not bad.all():
            yield parsed.rows.filter(pa.array(~bad))
