"""A path where a program expects a pattern: written so that the pattern matches this file or folder and no other."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote


def literal_path(path: Path) -> str:
    """For DuckDB, Ibis and Feast: each of `* ? [` stands in brackets, where it means itself. A backslash counts only in patterns."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))


def literal_path_in_spark(path: Path) -> str:
    """For Spark, whose patterns are Hadoop's: a backslash before what would have a meaning."""
    return re.sub(r"[*?\[\]{}\\]", r"\\\g<0>", str(path))


def read_only_database(path: Path) -> str:
    """The address of a SQLite file that is only read; `? # %` in the path are no part of the address's grammar."""
    return f"file:{quote(str(path))}?mode=ro"
