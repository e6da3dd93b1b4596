"""Which days of a table lie in the cold tier, and where: an index in the state folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.errors import Missing, PipelineError

INDEX: Final = "moved_days.json"
MANIFEST: Final = "MANIFEST.json"
"""Beside a cold partition's files: their hashes."""


def moved_days(home: Home) -> dict[str, dict[date, Path]]:
    """The cold partition of each day that was moved, by `<kind>/<table>`. Raises PipelineError for an index that cannot be read."""
    path = home.state / INDEX
    if not path.exists():
        return {}
    try:
        return {name: {date.fromisoformat(d): Path(p) for d, p in days.items()} for name, days in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError, TypeError) as error:
        fix = f"It cannot be read ({type(error).__name__}); remove it: `placard retention run` writes it again."
        raise PipelineError("index of moved days", str(path), fix) from None


def write_moved_days(home: Home, days: Mapping[str, Mapping[date, Path]]) -> None:
    """Replaces the index."""
    plain = {name: {str(day): str(path) for day, path in sorted(of.items())} for name, of in sorted(days.items()) if of}
    write_whole(home.state / INDEX, json.dumps(plain, indent=1) + "\n")


def cold_days(home: Home, table: str) -> dict[date, Path]:
    """The cold partitions of an event table whose days are not in the warm tier."""
    moved = moved_days(home).get(f"events/{table}", {})
    return {day: path for day, path in moved.items() if not home.partition(table, day).is_dir()} if moved else {}


def manifest(cold: Path) -> dict[str, str]:
    """SHA-256 by file, that a cold partition was written with. Raises PipelineError where they cannot be read."""
    try:
        read = json.loads((cold / MANIFEST).read_text())
        return {str(name): str(digest) for name, digest in read.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise PipelineError("cold partition", str(cold), f"Its {MANIFEST} cannot be read ({type(error).__name__}).") from None


def require_warm(home: Home, table: str, first: date, last: date) -> None:
    """Raises Missing where days of an event table within first to last, both included, lie in the cold tier: who reads the days would take
    them for days without rows."""
    if cold := sorted(day for day in cold_days(home, table) if first <= day <= last):
        named = str(cold[0]) if len(cold) == 1 else f"{len(cold)} days, {cold[0]} to {cold[-1]}"
        fix = (
            f"They lie in the cold tier: bring them back with `placard retention restore --since {cold[0]} --partition {cold[-1]}`, or keep"
            " more with the setting warm_days."
        )
        raise Missing(f"days of {table}", named, fix)
