"""Where a value stands in a line of JSON: by its key, or by a path through keys, as DuckDB reads it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

PLAIN: Final = re.compile(r"\w+\Z")
"""A key that stands in a path as it is."""


def json_path(name: str) -> str:
    """A key, as it stands; one that begins with $ is a path: $.user.id."""
    return name if name.startswith("$.") else "$." + json.dumps(name, ensure_ascii=False)


def paths(row: dict[str, Any], head: str = "$") -> list[str]:
    """The keys of an object, and the paths of those within."""
    found: list[str] = []
    for key, value in row.items():
        if head == "$":
            found.append(key)
        if isinstance(value, dict) and PLAIN.match(key):
            found += paths(value, f"{head}.{key}")
        elif head != "$" and PLAIN.match(key):
            found.append(f"{head}.{key}")
    return found
