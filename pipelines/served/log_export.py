"""A day of the event log as files: what is written before the log forgets the day, and what can be read without Placard."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.whole_file import whole_folder
from pipelines.errors import PipelineError
from serving.eventlog.log import EventLog
from serving.record.keepable import keepable

COUNTS: Final = "counts.json"


@dataclass(frozen=True)
class DayCounts:
    """Decisions decided on a day, and events and late events received on it, UTC."""

    decisions: int
    events: int
    late: int

    def cover(self, others: DayCounts) -> bool:
        """Whether there is at least as much of everything."""
        return self.decisions >= others.decisions and self.events >= others.events and self.late >= others.late


def export_day(home: Home, log: EventLog, day: date, today: date) -> tuple[Path, DayCounts]:
    """Writes decisions.jsonl.gz, events.jsonl.gz, late.jsonl.gz and their counts, whole or not at all, in place of an earlier export.
    Returns their folder. Raises PipelineError for a day that is not over, since more may come, and where the earlier export holds what the
    log has no more: it stays as it is."""
    if day >= today:
        raise PipelineError("partition", day.isoformat(), f"The day is not over; export {today - timedelta(days=1)} or an earlier one.")
    with whole_folder(home.exported_log(day)) as part:
        counts = DayCounts(**{name: _write(part / f"{name}.jsonl.gz", rows) for name, rows in _rows(log, day).items()})
        before = exported(home, day)
        if before is not None and not counts.cover(before):
            fix = f"It holds {before}, the log {counts}: the rest has been removed. Keep the export, or move it elsewhere first."
            raise PipelineError("export", str(home.exported_log(day)), fix)
        (part / COUNTS).write_text(json.dumps(asdict(counts)) + "\n")
    return home.exported_log(day), counts


def trim_log(home: Home, log: EventLog, days: int, today: date) -> tuple[list[date], int]:
    """Exports the days before the last `days` that are not exported whole, then removes them from the log; returns those that held
    anything, and how many decisions and events went. Raises PipelineError, with nothing removed, for an export that lacks something and
    cannot be replaced. Killed half-way, it goes on when it is called again: an export that holds more than the log counts as whole."""
    first, end = log.first(), end_of(today - timedelta(days=days + 1))
    if first is None or first >= end:
        return [], 0
    old = [first.astimezone(UTC).date() + timedelta(days=i) for i in range((end.date() - first.astimezone(UTC).date()).days)]
    held = {day: counts for day in old if any(asdict(counts := _counted(log, day)).values())}
    for day, counts in held.items():
        if (written := exported(home, day)) is None or not written.cover(counts):
            export_day(home, log, day, today)
    return list(held), sum(log.forget(end_of(day)) for day in held)


def exported(home: Home, day: date) -> DayCounts | None:
    """What the export of a day holds; None where there is none."""
    try:
        return DayCounts(**json.loads((home.exported_log(day) / COUNTS).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _rows(log: EventLog, day: date) -> dict[str, Iterator[Any]]:
    since, until = end_of(day) - timedelta(days=1), end_of(day)
    return {
        "decisions": map(keepable, log.decisions(since, until)),  # versions before this one kept more than they might
        "events": ({"event": event, "received": received} for event, received in log.events(since, until)),
        "late": ({"event": event, "why": why} for event, why in log.late(since, until)),
    }


def _counted(log: EventLog, day: date) -> DayCounts:
    return DayCounts(**{name: sum(1 for _ in rows) for name, rows in _rows(log, day).items()})


def _write(path: Path, rows: Iterable[Any]) -> int:
    """A JSON object a line; returns how many."""
    count = 0
    with gzip.open(path, "wb") as file:
        for row in rows:
            file.write(msgspec.json.encode(row) + b"\n")
            count += 1
    return count
