"""Which days of a table lie in the cold tier, and where: an index in the state folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.errors import PipelineError

INDEX: Final = "moved_days.json"


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
