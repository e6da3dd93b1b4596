"""What a log format is: files in, well-formed rows out, rows mapped to the event tables. One file per format implements it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.errors import PipelineError
from pipelines.ingest.chunk import RowReader

ROW: Final = "row"
"""The extra column of a mapped event table: which of the given rows (0, 1, ...) the event came from."""
TS: Final = "ts"


class IngestError(PipelineError):
    """A log that cannot be read at all; nothing was changed."""


@dataclass(frozen=True)
class LogFile:
    """One file of a log.

    name: as it stands below the given path, for people and quarantine records. part: which part of the log it is, in the
    format's own words. role: `log` rows count as rows in; `catalogue` files describe the ads and are counted apart.
    separator: the character between the cells of a line. reader: what reads its rows, None for one row a line without quotes (lines.py).
    """

    path: Path
    name: str
    part: str = ""
    role: Literal["log", "catalogue"] = "log"
    separator: str = ","
    reader: RowReader | None = None


@dataclass(frozen=True)
class Parsed:
    """Typed columns of n rows, among them TS (when it happened, UTC), and a reason per row: "" when it is well formed."""

    rows: pa.Table
    reasons: NDArray[np.object_]


@dataclass(frozen=True)
class Mapped:
    """What rows say in the platform's words.

    events: rows of event tables with the extra column ROW. A key stands once: of several in one batch the earliest known stays, and a later
    delivery with other content replaces what is there. seen: rows of `users` and of catalogue
    tables, of which the earliest per key stays; a `catalogue` file gives the ROW of one of them, by which its rows are counted.
    stated: rows of `users` and of catalogue tables with the extra column ROW, each of which holds from its moment on (stated.py).
    implied: such rows without ROW that a log merely implies: they count until something of their key is stated.
    numbered: the keys of events hold an ordinal (ordinals.py), so that rows of later deliveries are compared with all that are alike.
    """

    events: Mapping[str, pa.Table] = field(default_factory=dict)
    seen: Mapping[str, pa.Table] = field(default_factory=dict)
    stated: Mapping[str, pa.Table] = field(default_factory=dict)
    implied: Mapping[str, pa.Table] = field(default_factory=dict)
    numbered: bool = False


class Format(Protocol):
    """A log format. Everything it computes comes from the rows alone: no clock, no state folder."""

    @property
    def name(self) -> str:
        """The word on the command line and the `source` of every row."""
        ...

    def files(self, path: Path) -> list[LogFile]:
        """The log's files in reading order. Raises IngestError saying what was expected."""
        ...

    def columns(self, file: LogFile, header: Sequence[str]) -> tuple[str, ...]:
        """The columns to read, given the header; the framework refuses the file when one is absent."""
        ...

    def parse(self, file: LogFile, cells: pa.Table) -> Parsed:
        """Types and checks cells (string columns)."""
        ...

    def map(self, file: LogFile, rows: pa.Table) -> Mapped:
        """Maps the well-formed rows of one day (all rows of a `catalogue` file), of all files of one part in a delivery. `file` is the
        first of them."""
        ...
