"""A PostgreSQL cluster as initdb leaves it, owned by the user `placard`, who needs no password."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SYSTEM = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Where programs are looked for: an ordinary person's PATH leaves out the system's own."""


def program(name: str) -> str | None:
    """The path of a program of the server, the newest version's; Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3]), reverse=True)
    return str(found[0]) if found else shutil.which(name, path=SYSTEM)


def as_its_user() -> list[str]:
    """What stands before a command line that runs the server: it refuses to run as root."""
    if os.geteuid() != 0:
        return []
    runuser = shutil.which("runuser", path=SYSTEM)
    if runuser is None:
        raise RuntimeError("runuser is not installed: apt-get install util-linux")
    return [runuser, "-u", "postgres", "--"]


def given_to_its_user(folder: Path) -> None:
    """Makes a folder and what it holds the server's; it insists that nobody else may read them."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if os.geteuid() == 0:
            shutil.chown(path, "postgres")


def make(folder: Path, initdb: str) -> None:
    """initdb: the program's path, which names its version."""
    with tempfile.TemporaryDirectory(prefix="initdb-") as made:
        given_to_its_user(Path(made))
        argv = [*as_its_user(), initdb, "-D", f"{made}/data", "-U", "placard", "-A", "trust", "--no-sync"]
        subprocess.run(argv, check=True, capture_output=True, cwd="/")
        shutil.copytree(Path(made) / "data", folder)
