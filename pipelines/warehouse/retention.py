"""Days that grow old move from the warm tier, where everything reads, to the cold one, and leave that in the end.

The warm tier is the state folder itself; the cold one is another folder, which may lie on slower and cheaper storage. A day's partition
moves whole: it is copied with the SHA-256 of each file, read back, and only then removed where it was. Whatever kills a move leaves the
partition whole in one of the two, and the next run ends it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from feature_repo.days import parse_day
from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from feature_repo.table_names import EVENT_TABLES
from feature_repo.tables import TABLES
from feature_repo.whole_file import whole_folder, write_whole
from pipelines.errors import Missing, PipelineError
from pipelines.warehouse.as_of import STATES
from pipelines.warehouse.moved_days import MANIFEST, manifest, moved_days, write_moved_days

LOCK: Final = "retention"
GONE: Final = ".gone-"
PINNED_DAYS: Final = 7
"""How long a day that a person brought back stays warm."""
HELD_FOR: Final = 1
"""Days beyond the longest look back: the day that is being built, and one that is late."""


@dataclass(frozen=True)
class Retention:
    """warm_days: how long partitions stay in the warm tier. cold_days: how long they are kept at all. cold: the folder of the cold tier.
    Raises PipelineError where what is read would be moved away, or the tiers contradict each other."""

    home: Home
    cold: Path
    warm_days: int
    cold_days: int
    history_days: int

    def __post_init__(self) -> None:
        longest = max(self.history_days, *(t.window_days for t in TABLES))
        if self.warm_days < longest:
            fix = f"Rankers and feature tables look back {longest} days (history_days, and the tables' windows); give at least that."
            raise PipelineError("warm_days", self.warm_days, fix)
        if self.cold_days <= self.warm_days:
            raise PipelineError("cold_days", self.cold_days, f"More than warm_days, which is {self.warm_days}, is needed.")
        if self.cold.resolve() == self.home.root.resolve() or self.home.root.resolve().is_relative_to(self.cold.resolve()):
            raise PipelineError("cold_path", str(self.cold), "The cold tier needs a folder that does not hold the state folder.")


@dataclass(frozen=True)
class Moved:
    """What a run did, as `<kind>/<table>/day=<day>`: moved to the cold tier; expired, which means removed for good; kept: pinned by a
    person."""

    moved: tuple[str, ...]
    expired: tuple[str, ...]
    kept: tuple[str, ...]


def movable(home: Home) -> dict[str, Path]:
    """The folders whose `day=...` partitions move, by the name under which they lie in the cold tier. Tables whose whole past is read, such
    as the catalogue's, do not move."""
    found = {f"events/{name}": home.table(name) for name in EVENT_TABLES if name not in STATES}
    found |= {f"features/{table.name}": home.features(table.name) for table in TABLES}
    datasets = home.root / "datasets"
    return found | {f"datasets/{head.name}": head for head in sorted(datasets.iterdir() if datasets.is_dir() else ())}


def days_in(folder: Path) -> list[date]:
    """The days of a folder's partitions, ascending."""
    return sorted(date.fromisoformat(path.name[4:]) for path in folder.glob("day=*") if path.is_dir())


def cold_partition(cold: Path, name: str, day: date) -> Path:
    return cold / name / f"day={day.isoformat()}"


def run(tiers: Retention, day: date) -> Moved:
    """Moves what is older than the warm tier keeps, counted from `day`, and removes what is older than the cold one keeps. Where a table's
    newest day is older than `day`, its own days are counted from there: a platform that rested loses nothing that it reads."""
    with exclusive(tiers.home, LOCK):
        return _run(tiers, day)


def _run(tiers: Retention, day: date) -> Moved:
    moved, expired, kept = [], [], []
    pins, folders = _pins(tiers.home), movable(tiers.home)
    for name in movable_in(tiers):
        folder = folders.get(name, tiers.home.root / name)
        _sweep(folder, tiers.cold / name)
        warm, cold = days_in(folder), days_in(tiers.cold / name)
        newest = min(day, max([*warm, *cold], default=day))
        for old in (d for d in warm if d < newest - timedelta(days=tiers.warm_days + HELD_FOR)):
            if pins.get(old, date.min) >= day:
                kept.append(f"{name}/day={old}")
                continue
            _copy(folder / f"day={old}", cold_partition(tiers.cold, name, old))
            _note(tiers, name)
            _remove(folder / f"day={old}")
            moved.append(f"{name}/day={old}")
        for old in (d for d in days_in(tiers.cold / name) if d < newest - timedelta(days=tiers.cold_days)):
            _remove(cold_partition(tiers.cold, name, old))
            expired.append(f"{name}/day={old}")
        _note(tiers, name)
    return Moved(tuple(moved), tuple(expired), tuple(kept))


def _note(tiers: Retention, name: str) -> None:
    """Writes into the index which days of a table the cold tier has."""
    index = moved_days(tiers.home)
    found = {day: cold_partition(tiers.cold, name, day) for day in days_in(tiers.cold / name)}
    if index.get(name, {}) != found:
        write_moved_days(tiers.home, {**index, name: found})


def _copy(warm: Path, cold: Path) -> None:
    """Copies and reads back. What the cold tier holds already stays only where it is the same to the byte."""
    content = _hashes(warm)
    if not cold.is_dir() or manifest(cold) != content or _hashes(cold) != content:
        with whole_folder(cold) as part:
            for name in content:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(warm / name, part / name)
            (part / MANIFEST).write_text(json.dumps(content, indent=1) + "\n")
    if _hashes(cold) != content:
        raise PipelineError("cold partition", str(cold), "It does not read back as it was written; look at the disk. The warm one stays.")


def _remove(partition: Path) -> None:
    """Nobody ever finds a part of it: it is renamed to what no reader takes for a partition, and removed under that name."""
    gone = partition.with_name(f"{GONE}{partition.name}")
    partition.rename(gone)
    shutil.rmtree(gone)


def _sweep(*folders: Path) -> None:
    """Removes what a killed run had begun to remove."""
    for folder in folders:
        for gone in folder.glob(f"{GONE}*"):
            shutil.rmtree(gone)


def _files(folder: Path) -> Iterator[Path]:
    """A partition's files, but for parts that a killed writer left and the manifest."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST and not path.name.startswith("."):
            yield path


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by file, relative to the folder."""
    out = {}
    for path in _files(folder):
        with path.open("rb") as file:
            out[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return out


def restore(tiers: Retention, days: Sequence[date], today: date, pinned_days: int = PINNED_DAYS) -> tuple[str, ...]:
    """Brings partitions of days back into the warm tier, checked against their hashes, and keeps them there for so many days from today.
    The cold copies stay. Raises Missing where the cold tier has none of the days, PipelineError for one that was altered: then nothing is
    brought back."""
    with exclusive(tiers.home, LOCK):
        names = movable_in(tiers)
        there = [(name, day, cold_partition(tiers.cold, name, day)) for day in days for name in names]
        there = [found for found in there if found[-1].is_dir()]
        if not there:
            said = str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
            raise Missing("cold day", said, f"{tiers.cold} has no partition of it; `placard retention list` shows which there are.")
        for _, _, cold in there:
            if _hashes(cold) != manifest(cold):
                raise PipelineError("cold partition", str(cold), "Its files are not what was written there; nothing was brought back.")
        pins = {**_pins(tiers.home), **dict.fromkeys((day for _, day, _ in there), today + timedelta(days=pinned_days))}
        write_whole(_pin_file(tiers.home), json.dumps({str(d): str(u) for d, u in sorted(pins.items()) if u >= today}) + "\n")
        folders = movable(tiers.home)
        brought = []
        for name, day, cold in there:
            warm = folders.get(name, tiers.home.root / name) / f"day={day}"
            if warm.is_dir():  # it may have been corrected since
                continue
            with whole_folder(warm) as part:
                for file in manifest(cold):
                    (part / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(cold / file, part / file)
            brought.append(f"{name}/day={day}")
        return tuple(brought)


def movable_in(tiers: Retention) -> list[str]:
    """Names of what moves, with what the cold tier alone still has."""
    cold = {f"{kind.name}/{table.name}" for kind in _folders(tiers.cold) for table in _folders(kind)}
    return sorted({*movable(tiers.home), *cold})


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def _pin_file(home: Home) -> Path:
    return home.state / "pinned_days.json"


def _pins(home: Home) -> dict[date, date]:
    """Until when each day that was brought back stays warm."""
    path = _pin_file(home)
    if not path.exists():
        return {}
    try:
        return {parse_day(day): parse_day(until) for day, until in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise PipelineError("pinned days", str(path), f"They cannot be read ({type(error).__name__}); remove the file.") from None


@dataclass(frozen=True)
class TierDay:
    """Where a day lies: how many partitions of it are warm and cold, and their bytes."""

    day: date
    warm: int
    cold: int
    warm_bytes: int
    cold_bytes: int


def listed(tiers: Retention) -> list[TierDay]:
    """Every day that either tier has, ascending."""
    found: dict[date, list[int]] = {}
    folders = movable(tiers.home)
    for name in movable_in(tiers):
        for place, folder in enumerate((folders.get(name), tiers.cold / name)):
            for day in days_in(folder) if folder else ():
                counts = found.setdefault(day, [0, 0, 0, 0])
                counts[place] += 1
                counts[2 + place] += sum(f.stat().st_size for f in _files(folder / f"day={day}")) if folder else 0
    return [TierDay(day, *counts) for day, counts in sorted(found.items())]
