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
from numpy.typing import NDArray

from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from pipelines.errors import Refused
from pipelines.ingest.chunk import HOPELESS, Fault
from pipelines.ingest.format import ROW, TS, Format, IngestError, LogFile
from pipelines.ingest.landing import land_events, land_seen
from pipelines.ingest.partitions import earliest
from pipelines.ingest.printable import printable
from pipelines.ingest.quarantine import note_refusal, quarantine_path, set_aside
from pipelines.ingest.raw import keep_raw
from pipelines.ingest.stated import land_implied, land_stated
from pipelines.ingest.well_formed import wanted_columns, well_formed
from pipelines.ingest.whereabouts import Whereabouts
from serving.room_settings import IngestSettings

MOST_BAD: Final = IngestSettings().most_bad_share


@dataclass(frozen=True)
class FileCount:
    """One file's rows: rows_in = kept + quarantined + duplicated. quarantine: where the malformed rows lie, "" when none. corrected: events
    that took the place of others with their keys; the rows that brought them count as kept. alike: of the duplicated rows those of a file
    whose bytes had not come before: they are taken for rows of an earlier delivery that they are alike with."""

    file: str
    role: str
    sha256: str
    rows_in: int
    kept: int
    quarantined: int
    duplicated: int
    quarantine: str
    corrected: int = 0
    alike: int = 0


@dataclass(frozen=True)
class Ingested:
    """What one ingest did. The totals are over log files; catalogue files stand in `files` only.

    kept: rows that brought at least one new event, or corrected one. duplicated: well-formed rows that brought none. tables: rows added to
    each event or catalogue table. first_day, last_day: of the log's well-formed rows. corrected: events that were replaced. alike: as
    FileCount has it.
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
    alike: int = 0


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
        alike=sum(f.alike for f in logs),
    )


def ingest(
    home: Home,
    log: Format,
    paths: Path | Sequence[Path],
    progress: Callable[[str, int], None] | None = None,
    most_bad: float = MOST_BAD,
    now: datetime | None = None,
) -> Ingested:
    """Every row of the log under `paths`, once. `progress` hears of (file, rows read). now: the present, the clock's where none is given;
    rows with later times are set aside.

    Several paths are one delivery: rows that are alike in two of its files are two rows, as in one file; a file that is there twice counts
    once. Over several deliveries rows that are alike are one row that was delivered again.

    Raises IngestError, before anything has landed, for a log that is not of the format, holds no row, or changes while it is read; and
    Refused when more than `most_bad` of the rows of some file are malformed: then no row of any file has landed, and what was set aside can
    be read.
    """
    given = [paths] if isinstance(paths, Path) else [*paths]
    files = [replace(file, name=printable(file.name)) for path in given for file in log.files(path)]
    files.sort(key=lambda file: file.role)
    for file in files:
        if not file.path.is_file():  # a pipe or a device may never end
            raise IngestError(f"{log.name} log", str(file.path), "It is no file.")
        wanted_columns(log, file)
    added: dict[str, int] = {}
    days: set[date] = set()
    places: dict[str, Whereabouts] = {}
    with exclusive(home, "ingest"):
        _sweep(home)
        home.raw.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.raw, prefix=".rows-") as folder:
            read = [_read(home, log, file, Path(folder) / str(i), most_bad, now, progress) for i, file in enumerate(files)]
            if not any(one.rows + one.quarantined for one in read if one.file.role == "log"):
                raise IngestError(f"{log.name} log", ", ".join(map(str, given)), "It holds no row, its header alone. Nothing has landed.")
            for one in read:
                refuse_bad_share(f"{log.name} log {one.file.name}", one.quarantined, one.rows + one.quarantined, most_bad, one.aside)
            counts = [count for part in _parts(read) for count in _land(home, log, part, added, days, places)]
    return total(log.name, counts, added, sorted(days))


def refuse_bad_share(log: str, bad: int, rows: int, most: float, aside: Path) -> None:
    """Raises Refused when more than a share of a log's rows was set aside, and notes it beside them for `placard doctor`."""
    why = f"{bad:,} of {rows:,} rows are bad ({bad / rows:.1%})" if bad > most * rows else ""
    note_refusal(aside, f"{log}: {why}" if why else "")
    if why:
        raise Refused(
            log,
            why,
            f"Most allowed is {most:.0%} (setting most_bad_share). Nothing has landed. Rows and reasons: {aside}",
        )


def _sweep(home: Home) -> None:
    """Removes what an ingest that was killed left behind."""
    for left in [*home.raw.glob(".rows-*"), *home.raw.glob("*/.copy-*")]:
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@dataclass(frozen=True)
class _Read:
    """A file whose rows have been checked and lie in `folder` by day; none has landed yet. known: its bytes came before."""

    file: LogFile
    sha256: str
    known: bool
    folder: Path
    rows: int
    quarantined: int
    aside: Path


def _read(
    home: Home,
    log: Format,
    file: LogFile,
    folder: Path,
    most_bad: float,
    now: datetime | None,
    progress: Callable[[str, int], None] | None,
) -> _Read:
    """Checks a file's rows, and sets the bad ones aside. Raises Refused half-way where they are so many that nothing will come of it."""
    kept_at, sha, known = keep_raw(home, log.name, file.path)
    file = replace(file, path=kept_at)
    columns = wanted_columns(log, file)  # of the copy: another file may have taken the first one's place
    faults: list[Fault] = []
    read, aside = 0, quarantine_path(home, log.name, sha)
    folder.mkdir()
    for i, rows in enumerate(well_formed(log, file, columns, faults, folder.with_suffix(".reading"), now)):
        read += len(rows)
        if len(rows):
            _spool(folder, i, rows)
        if progress:
            progress(file.name, read + len(faults))
        if len(faults) > HOPELESS and len(faults) > most_bad * (read + len(faults)):
            refuse_bad_share(f"{log.name} log {file.name}", set_aside(aside, file.name, faults), read + len(faults), most_bad, aside)
    return _Read(file, sha, known, folder, read, set_aside(aside, file.name, faults), aside)


def _parts(read: Sequence[_Read]) -> list[list[_Read]]:
    """The files of one part of the log together, since rows that are alike are numbered over all of them."""
    parts: dict[tuple[str, str], list[_Read]] = {}
    for one in read:
        parts.setdefault((one.file.role, one.file.part), []).append(one)
    return list(parts.values())


def _land(
    home: Home, log: Format, part: Sequence[_Read], added: dict[str, int], days: set[date], places: dict[str, Whereabouts]
) -> list[FileCount]:
    """Puts a part's good rows into the tables, a day at a time. A count per file."""
    kept, corrected = np.zeros(len(part), np.int64), np.zeros(len(part), np.int64)
    first = {one.sha256: i for i, one in reversed([*enumerate(part)])}
    alone = [i for i, one in enumerate(part) if first[one.sha256] == i]  # the same file again is the same rows
    seen: dict[str, pa.Table] = {}
    implied: dict[str, pa.Table] = {}
    stated = False
    timeless = np.empty(0, np.int64)
    for day, rows, of in _by_day([part[i].folder for i in alone]):
        mapped = log.map(part[0].file, rows)
        landed = land_events(home, log.name, mapped.events, places, mapped.numbered)
        landed |= land_stated(home, log.name, mapped.stated)
        for name, new in landed.items():
            added[name] = added.get(name, 0) + len(new.fresh)
        brought = np.unique(np.concatenate([new.rows for new in landed.values()])) if landed else np.empty(0, np.int64)
        kept[alone] += np.bincount(of[brought], minlength=len(alone))
        for new in landed.values():
            corrected[alone] += np.bincount(of[new.corrected], minlength=len(alone))
        for name, table in mapped.seen.items():
            seen[name] = earliest(name, [seen[name], table] if name in seen else [table])
        for name, table in mapped.implied.items():
            implied[name] = earliest(name, [implied[name], table] if name in implied else [table])
        stated |= bool(mapped.stated)
        if day:
            days.add(day)
        else:
            timeless = of
    for name, fresh in land_seen(home, log.name, seen).items():
        added[name] = added.get(name, 0) + len(fresh)
        if part[0].file.role == "catalogue" and ROW in fresh.column_names:
            kept[alone] += np.bincount(timeless[fresh[ROW].to_numpy()], minlength=len(alone))
    if implied or stated:
        for name, new_keys in land_implied(home, log.name, implied).items():
            added[name] = added.get(name, 0) + new_keys
    return [_count(one, int(kept[i]), int(corrected[i])) for i, one in enumerate(part)]


def _count(one: _Read, kept: int, corrected: int) -> FileCount:
    aside = str(one.aside) if one.quarantined else ""
    rows_in, duplicated = one.rows + one.quarantined, one.rows - kept
    return FileCount(
        one.file.name,
        one.file.role,
        one.sha256,
        rows_in,
        kept,
        one.quarantined,
        duplicated,
        aside,
        corrected,
        0 if one.known else duplicated,
    )


def _spool(folder: Path, chunk: int, rows: pa.Table) -> None:
    """Sets rows down by day, so that a log of any size passes through a day's worth of memory."""
    if TS not in rows.column_names:
        pq.write_table(rows, folder / f"{chunk:08d}.parquet")
        return
    days = pc.cast(rows[TS], pa.date32())
    for day in pc.unique(days).to_pylist():
        (folder / day.isoformat()).mkdir(exist_ok=True)
        pq.write_table(rows.filter(pc.equal(days, day)), folder / day.isoformat() / f"{chunk:08d}.parquet")


def _by_day(folders: Sequence[Path]) -> Iterator[tuple[date | None, pa.Table, NDArray[np.int64]]]:
    """Each day's rows, in the order of the folders and of the file in each, with the folder of each row; rows without a time come as one
    batch."""
    named = sorted({place.name for folder in folders for place in folder.iterdir() if place.is_dir()})
    for name in [None, *named]:
        files = [(f, i) for i, folder in enumerate(folders) for f in sorted((folder / name if name else folder).glob("*.parquet"))]
        if files:
            tables = [pq.read_table(f, partitioning=None) for f, _ in files]
            of = np.repeat(np.array([i for _, i in files], np.int64), [len(t) for t in tables])
            yield date.fromisoformat(name) if name else None, pa.concat_tables(tables), of
