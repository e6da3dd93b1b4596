"""Reads a log of any format into the event tables: raw copy first, then rows day by day, then what was set aside."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from pipelines.ingest.format import ROW, TS, Format, LogFile
from pipelines.ingest.landing import earliest, land_events, land_seen
from pipelines.ingest.lines import Fault
from pipelines.ingest.quarantine import quarantine_path, set_aside
from pipelines.ingest.raw import keep_raw
from pipelines.ingest.well_formed import wanted_columns, well_formed


@dataclass(frozen=True)
class FileCount:
    """One file's rows: rows_in = kept + quarantined + duplicated. quarantine: where the malformed rows lie, "" when none."""

    file: str
    role: str
    sha256: str
    rows_in: int
    kept: int
    quarantined: int
    duplicated: int
    quarantine: str


@dataclass(frozen=True)
class Ingested:
    """What one ingest did. The totals are over log files; catalogue files stand in `files` only.

    kept: rows that brought at least one new event. duplicated: well-formed rows that brought none. tables: rows added to each
    event or catalogue table. first_day, last_day: of the log's well-formed rows.
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
    )


def ingest(home: Home, log: Format, path: Path, progress: Callable[[str, int], None] | None = None) -> Ingested:
    """Every row of the log under `path`, once. `progress` hears of (file, rows read).

    Raises IngestError, before anything is changed, for a log that is not of the format.
    """
    files = log.files(path)
    wanted = [wanted_columns(log, file) for file in files]
    counts: list[FileCount] = []
    added: dict[str, int] = {}
    days: set[date] = set()
    with exclusive(home, "ingest"):
        _sweep(home)
        for file, columns in zip(files, wanted, strict=True):
            counts.append(_one(home, log, file, columns, added, days, progress))
    return total(log.name, counts, added, sorted(days))


def _sweep(home: Home) -> None:
    """Removes what an ingest that was killed left behind."""
    for left in [*home.raw.glob(".rows-*"), *home.raw.glob("*/.copy-*")]:
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def _one(
    home: Home,
    log: Format,
    file: LogFile,
    columns: tuple[str, ...],
    added: dict[str, int],
    days: set[date],
    progress: Callable[[str, int], None] | None,
) -> FileCount:
    kept_at, sha = keep_raw(home, log.name, file.path)
    file = replace(file, path=kept_at)
    faults: list[Fault] = []
    read = kept = 0
    seen: dict[str, pa.Table] = {}
    with tempfile.TemporaryDirectory(dir=home.raw, prefix=".rows-") as folder:
        for i, rows in enumerate(well_formed(log, file, columns, faults)):
            read += len(rows)
            _spool(Path(folder), i, rows)
            if progress:
                progress(file.name, read + len(faults))
        for day, rows in _by_day(Path(folder)):
            mapped = log.map(file, rows)
            landed = land_events(home, log.name, mapped.events)
            for name, new in landed.items():
                added[name] = added.get(name, 0) + len(new)
            kept += len(np.unique(np.concatenate(list(landed.values())))) if landed else 0
            for name, table in mapped.seen.items():
                seen[name] = earliest(name, [seen[name], table] if name in seen else [table])
            if day:
                days.add(day)
    for name, new in land_seen(home, log.name, seen).items():
        added[name] = added.get(name, 0) + len(new)
        if file.role == "catalogue" and ROW in new.column_names:
            kept += len(new)
    aside = quarantine_path(home, log.name, sha)
    quarantined = set_aside(aside, file.name, faults)
    return FileCount(file.name, file.role, sha, read + quarantined, kept, quarantined, read - kept, str(aside) if quarantined else "")


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
