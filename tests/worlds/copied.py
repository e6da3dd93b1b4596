"""Small worlds (simulated logs, built platforms, training sets with their candidates) that take many seconds to make.

A world is made by a module beside this one: its `make(folder, ...)` writes the world to a new folder, in the process that asks first.
It is made once for each content of the sources that make it and for each configuration, kept below KEPT, and handed out as copies, so
that a test may change what it got.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.worlds.content import ROOT, content

KEPT = ROOT / ".pytest_cache" / "worlds"
VERSIONS = 2
"""Contents of one world that are kept: today's, and that of the branch before."""


def copied(maker: str, folder: Path, *configuration: object, kept: Path = KEPT) -> Path:
    """Copies a world to `folder`, which must not exist, and returns it. maker: the name of the module that makes the world.
    configuration: what its `make` is called with after the folder; values whose repr says all of them."""
    called = f"{maker}-{hashlib.sha256(repr(configuration).encode()).hexdigest()[:8]}"
    with _alone(kept / f"{called}.lock"):
        world = kept / called / content(maker)
        if not world.exists():
            _make(maker, world, configuration)
        world.touch()
        shutil.copytree(world / "world", folder)
    return folder


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Until the block ends, every other process that asks for the same world waits; a process that dies lets the next one in."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(maker: str, world: Path, configuration: tuple[object, ...]) -> None:
    """Makes a world aside and then puts it in its place whole; of the older contents the newest stay."""
    world.parent.mkdir(parents=True, exist_ok=True)
    for left in world.parent.glob(".made-*"):  # of a process that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=world.parent, prefix=".made-") as made:
        place = Path(made) / "whole"
        place.mkdir()
        importlib.import_module(maker).make(place / "world", *configuration)
        place.rename(world)
    older = sorted((p for p in world.parent.iterdir() if p != world), key=lambda p: p.stat().st_mtime, reverse=True)
    for one in older[VERSIONS - 1 :]:
        shutil.rmtree(one)
