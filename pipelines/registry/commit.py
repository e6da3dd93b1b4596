"""Which code is running: the commit of the checkout that it lies in."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def commit() -> str:
    """The commit's whole name, with `-dirty` behind it where files have changed since; "" for code that lies in no checkout of its own,
    such as an installed package, and without git."""
    if not _git("ls-files", Path(__file__).name):
        return ""
    return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(*argv: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(HERE), *argv], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
