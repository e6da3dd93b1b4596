"""What a published day was built from, and whether that has changed since: a late or corrected log makes the days that read it stale.

Beside a partition lies inputs.json: size, time of change and SHA-256 of every file that the build could read. A file whose size and
time are as before is taken for unchanged; of another one the content decides.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.table import FeatureTable
from feature_repo.table_names import EVENT_TABLES
from feature_repo.whole_file import write_whole
from pipelines.warehouse.as_of import SCHEMAS, STATES, files_known
from pipelines.warehouse.moved_days import cold_days, manifest

INPUTS: Final = "inputs.json"
UNWRITTEN: Final = "inputs that were not written down"
"""What changed of a day that a version published which wrote no inputs down."""
DERIVED: Final = {"image_stats": ("creatives",), "query_keys": ("queries",), "thing_codes": ("activity", "engagements")}
"""Tables that a build reads and that are made of others on the way (inputs.py)."""


@dataclass(frozen=True)
class InputFile:
    """A file as the build found it."""

    size: int
    changed_ns: int
    sha256: str


Inputs = dict[str, InputFile]
"""By path below the state folder."""


def inputs_file(partition: Path) -> Path:
    """Where the inputs of a staged or published partition are written down."""
    return partition.with_name(INPUTS)


def _files(home: Home, table: FeatureTable, day: date) -> list[Path]:
    names = sorted({name for read in table.reads for name in DERIVED.get(read, (read,)) if name in SCHEMAS})
    return [f for name in names for f in files_known(home, name, end_of(day), None if name in STATES else table.window_days)]


def inputs_now(home: Home, table: FeatureTable, day: date) -> Inputs:
    """What a build of the day would read now. Digests are taken from the builds of this day and the one before, of files that are as
    they were."""
    known: Inputs = {}
    for place in (home.staged(table.name, day - timedelta(days=1)), home.staged(table.name, day)):
        known |= read_inputs(place) or {}
    found: Inputs = {}
    for file in _files(home, table, day):
        name, stat = str(file.relative_to(home.root)), file.stat()
        before = known.get(name)
        same = before is not None and (before.size, before.changed_ns) == (stat.st_size, stat.st_mtime_ns)
        found[name] = before if same and before is not None else InputFile(stat.st_size, stat.st_mtime_ns, _digest(file))
    return found


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_inputs(home: Home, table: FeatureTable, day: date, inputs: Inputs) -> None:
    """Beside the staged partition."""
    text = json.dumps({name: asdict(file) for name, file in inputs.items()}, indent=0, sort_keys=True)
    write_whole(inputs_file(home.staged(table.name, day)), text + "\n", synced=False)


def read_inputs(partition: Path) -> Inputs | None:
    """None where nothing is written down, or it cannot be read."""
    try:
        return {name: InputFile(**file) for name, file in json.loads(inputs_file(partition).read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def changed(home: Home, table: FeatureTable, day: date) -> list[str]:
    """The files that are other than the published partition of the day was built from: new, gone, or of another content. A file that moved
    to the cold tier is none of these. Where nothing is written down, its inputs as a whole."""
    before = read_inputs(home.feature_partition(table.name, day))
    if before is None:
        return [UNWRITTEN]
    now = {str(f.relative_to(home.root)): f for f in _files(home, table, day)}
    other = sorted(name for name in now.keys() | before.keys() if not _as_before(now.get(name), before.get(name)))
    cold = _cold(home) if any(name not in now for name in other) else {}
    return [name for name in other if name in now or cold.get(name) != before[name].sha256]


def _cold(home: Home) -> dict[str, str]:
    """SHA-256 of every file of an event table whose day moved to the cold tier, by the path that it had."""
    return {
        str((home.partition(name, day) / file).relative_to(home.root)): digest
        for name in EVENT_TABLES
        for day, folder in cold_days(home, name).items()
        for file, digest in manifest(folder).items()
    }


def _as_before(file: Path | None, before: InputFile | None) -> bool:
    if file is None or before is None:
        return False
    stat = file.stat()
    if (stat.st_size, stat.st_mtime_ns) == (before.size, before.changed_ns):
        return True
    return stat.st_size == before.size and _digest(file) == before.sha256
