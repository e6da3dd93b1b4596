"""Replaces a file or a folder whole: a reader, and whoever comes after a crash, finds the old content or the new, never a mixture.

New content is written to a part beside its place (same folder, a name that begins with a dot and ends with random digits, so that
writers never share one), synced to the disk, and renamed. A part that a killed process leaves behind is never read, and
`remove_abandoned` clears it away.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PART: Final = re.compile(r"\..+\.[0-9a-f]{12}")
"""The name of a part, and of nothing else that the platform writes."""


def _part(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{os.urandom(6).hex()}")


def _sync(path: Path) -> None:
    """Waits until the disk holds a file's content, or a folder's list of names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_in(part: Path, path: Path, synced: bool = True) -> None:
    """Renames a finished file to its place, on the same disk, replacing one that is there. synced: also across a power cut."""
    if synced:
        _sync(part)
    os.replace(part, path)
    if synced:
        _sync(path.parent)


@contextmanager
def whole_file(path: Path, synced: bool = True) -> Iterator[Path]:
    """Gives the path of the part to write; at the end of the block the part becomes `path`. After an error `path` is as it was.

    synced: False where nobody needs the file after a power cut; waiting for the disk takes milliseconds a file.
    """
    part = _part(path)
    try:
        yield part
        move_in(part, path, synced)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes, synced: bool = True) -> None:
    """Replaces a file's content; a string is written as UTF-8."""
    with whole_file(path, synced) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def write_once(path: Path, content: str) -> None:
    """Writes a file that only its owner may read, unless it is there: of several writers one wins, and all find its content."""
    part = _part(path)
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(content)
        _sync(part)
        os.link(part, path)
        _sync(path.parent)
    except FileExistsError:  # another writer was faster
        pass
    finally:
        part.unlink()


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty folder to fill; at the end of the block it becomes `folder`, without what was there before.

    The old folder is removed just before the rename: a crash between the two leaves none.
    """
    part = _part(folder)
    part.mkdir()
    try:
        yield part
        for path in (*part.rglob("*"), part):
            _sync(path)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_abandoned(root: Path, before: float) -> list[Path]:
    """Removes the parts below a folder in which nothing was written since `before` (seconds since 1970), and gives their paths. A part that
    is younger may belong to a writer at work. Links are not followed, and whoever removes the same part at the same time is no error."""
    removed = []
    for folder, folders, files in os.walk(root):
        for name in [n for n in (*folders, *files) if PART.fullmatch(n)]:
            part = Path(folder, name)
            try:
                newest = max(path.lstat().st_mtime for path in (part, *part.rglob("*")))
            except FileNotFoundError:  # its writer has just finished
                continue
            if newest < before and part.is_dir() and not part.is_symlink():
                shutil.rmtree(part, ignore_errors=True)
                removed.append(part)
            elif newest < before:
                part.unlink(missing_ok=True)
                removed.append(part)
        folders[:] = [name for name in folders if not PART.fullmatch(name)]
    return sorted(removed)
