"""Reads a log of any format into the event tables: raw copy first, then rows day by day, then what was set aside."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from pipelines.errors import Refused
from pipelines.ingest.format import ROW, TS, Format, LogFile
from pipelines.ingest.landing import earliest, land_events, land_seen
from pipelines.ingest.lines import Fault
from pipelines.ingest.quarantine import quarantine_path, set_aside
from pipelines.ingest.raw import keep_raw
from pipelines.ingest.well_formed import wanted_columns, well_formed
from pipelines.ingest.whereabouts import Whereabouts
from serving.room_settings import IngestSettings

MOST_BAD: Final = IngestSettings().most_bad_share


@dataclass(frozen=True)
class FileCount:
    """One file's rows: rows_in = kept + quarantined + duplicated. quarantine: where the malformed rows lie, "" when none. corrected: events
    that took the place of others with their keys; the rows that brought them count as kept."""

    file: str
    role: str
    sha256: str
    rows_in: int
    kept: int
    quarantined: int
    duplicated: int
    quarantine: str
    corrected: int = 0


@dataclass(frozen=True)
class Ingested:
    """What one ingest did. The totals are over log files; catalogue files stand in `files` only.

    kept: rows that brought at least one new event, or corrected one. duplicated: well-formed rows that brought none. tables: rows added to
    each event or catalogue table. first_day, last_day: of the log's well-formed rows. corrected: events that were replaced.
    """

    source: str
    rows_in: int
    kept: int
    quarantined: int
    duplicated: int
    tables: dict[str, int]
    files: tuple[FileCount, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    corrected: int = 0


def total(source: str, files: Sequence[FileCount], tables: dict[str, int], days: Sequence[date]) -> Ingested:
    logs = [f for f in files if f.role == "log"]
    return Ingested(
        source=source,
        rows_in=sum(f.rows_in for f in logs),
        kept=sum(f.kept for f in logs),
        quarantined=sum(f.quarantined for f in logs),
        duplicated=sum(f.duplicated for f in logs),
        tables={k: v for k, v in tables.items() if v},
        files=tuple(files),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        corrected=sum(f.corrected for f in files),
    )


def ingest(
    home: Home,
    log: Format,
    path: Path,
    progress: Callable[[str, int], None] | None = None,
    most_bad: float = MOST_BAD,
    now: datetime | None = None,
) -> Ingested:
    """Every row of the log under `path`, once. `progress` hears of (file, rows read). now: the present, the clock's where none is given;
    rows with later times are set aside.

    Raises IngestError, before anything is changed, for a log that is not of the format, and Refused when more than `most_bad` of the rows
    of some file are malformed: then no row of any file has landed, and what was set aside can be read.
    """
    files = log.files(path)
    wanted = [wanted_columns(log, file) for file in files]
    added: dict[str, int] = {}
    days: set[date] = set()
    places: dict[str, Whereabouts] = {}
    with exclusive(home, "ingest"):
        _sweep(home)
        home.raw.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.raw, prefix=".rows-") as folder:
            read = [
                _read(home, log, file, columns, Path(folder) / str(i), now, progress)
                for i, (file, columns) in enumerate(zip(files, wanted, strict=True))
            ]
            for one in read:
                refuse_bad_share(f"{log.name} log {one.file.name}", one.quarantined, one.rows + one.quarantined, most_bad, one.aside)
            counts = [_land(home, log, one, added, days, places) for one in read]
    return total(log.name, counts, added, sorted(days))


def refuse_bad_share(log: str, bad: int, rows: int, most: float, aside: Path) -> None:
    """Raises Refused when more than a share of a log's rows was set aside."""
    if bad > most * rows:
        raise Refused(
            log,
            f"{bad:,} of {rows:,} rows are bad ({bad / rows:.1%})",
            f"Most allowed is {most:.0%} (setting most_bad_share). Nothing has landed. Rows and reasons: {aside}",
        )


def _sweep(home: Home) -> None:
    """Removes what an ingest that was killed left behind."""
    for left in [*home.raw.glob(".rows-*"), *home.raw.glob("*/.copy-*")]:
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@dataclass(frozen=True)
class _Read:
    """A file whose rows have been checked and lie in `folder` by day; none has landed yet."""

    file: LogFile
    sha256: str
    folder: Path
    rows: int
    quarantined: int
    aside: Path


def _read(
    home: Home,
    log: Format,
    file: LogFile,
    columns: tuple[str, ...],
    folder: Path,
    now: datetime | None,
    progress: Callable[[str, int], None] | None,
) -> _Read:
    """Checks a file's rows, and sets the bad ones aside."""
    kept_at, sha = keep_raw(home, log.name, file.path)
    file = replace(file, path=kept_at)
    faults: list[Fault] = []
    read = 0
    folder.mkdir()
    for i, rows in enumerate(well_formed(log, file, columns, faults, now)):
        read += len(rows)
        _spool(folder, i, rows)
        if progress:
            progress(file.name, read + len(faults))
    aside = quarantine_path(home, log.name, sha)
    return _Read(file, sha, folder, read, set_aside(aside, file.name, faults), aside)


def _land(home: Home, log: Format, read: _Read, added: dict[str, int], days: set[date], places: dict[str, Whereabouts]) -> FileCount:
    """Puts a file's good rows into the tables, a day at a time."""
    kept, corrected = 0, 0
    seen: dict[str, pa.Table] = {}
    for day, rows in _by_day(read.folder):
        mapped = log.map(read.file, rows)
        landed = land_events(home, log.name, mapped.events, places)
        for name, new in landed.items():
            added[name] = added.get(name, 0) + len(new.fresh)
        kept += len(np.unique(np.concatenate([new.rows for new in landed.values()]))) if landed else 0
        corrected += sum(len(new.corrected) for new in landed.values())
        for name, table in mapped.seen.items():
            seen[name] = earliest(name, [seen[name], table] if name in seen else [table])
        if day:
            days.add(day)
    for name, new in land_seen(home, log.name, seen).items():
        added[name] = added.get(name, 0) + len(new)
        if read.file.role == "catalogue" and ROW in new.column_names:
            kept += len(new)
    aside = str(read.aside) if read.quarantined else ""
    rows_in = read.rows + read.quarantined
    return FileCount(read.file.name, read.file.role, read.sha256, rows_in, kept, read.quarantined, read.rows - kept, aside, corrected)


def _spool(folder: Path, chunk: int, rows: pa.Table) -> None:
    """Sets rows down by day, so that a log of any size passes through a day's worth of memory."""
    if TS not in rows.column_names:
        pq.write_table(rows, folder / f"{chunk:08d}.parquet")
        return
    days = pc.cast(rows[TS], pa.date32())
    for day in pc.unique(days).to_pylist():
        (folder / day.isoformat()).mkdir(exist_ok=True)
        pq.write_table(rows.filter(pc.equal(days, day)), folder / day.isoformat() / f"{chunk:08d}.parquet")


def _by_day(folder: Path) -> Iterator[tuple[date | None, pa.Table]]:
    """Each day's rows in file order; rows without a time come as one batch."""
    if timeless := sorted(folder.glob("*.parquet")):
        yield None, pa.concat_tables(pq.read_table(f) for f in timeless)
    for day in sorted(p for p in folder.iterdir() if p.is_dir()):
        files = sorted(day.glob("*.parquet"))
        yield date.fromisoformat(day.name), pa.concat_tables(pq.read_table(f, partitioning=None) for f in files)
