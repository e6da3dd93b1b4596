"""What a process of the platform writes is for its user alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

OTHERS: Final = 0o077
"""The permissions of the group and of everybody else."""


def keep_private() -> None:
    """From now on this process, and every process that it starts, makes files that its user alone can read (0600) and folders that its
    user alone can enter (0700)."""
    os.umask(OTHERS)


def open_to_others(root: Path) -> Iterator[Path]:
    """The files and folders under `root`, itself among them, that its owner's group or everybody may read, write or enter; links are what
    they lead to. A folder comes before what it holds."""
    for folder, _, files in os.walk(root):
        for path in (Path(folder), *(Path(folder, name) for name in sorted(files))):
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:  # another process has just removed it
                continue
            if not stat.S_ISLNK(mode) and mode & OTHERS:
                yield path
