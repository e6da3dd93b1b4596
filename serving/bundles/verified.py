"""The one way to trust a ranker's folder: its hashes are compared, another process scores it, and only then are its weights read here."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Final

from serving.bundles.bundle import Bundle
from serving.errors import BundleRefused, BundleUnjudged

SMOKE_SECONDS: Final = 60
SMOKE: Final = "import sys; sys.modules.update(sklearn=None, pandas=None); from serving.bundles.smoke import main; main()"
"""XGBoost imports these two where they are installed and scoring needs neither: 0.7 s instead of 2.9, on a machine that is serving."""
SHORT: Final = (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What the system says when it has too few processes, files or memory left."""
KILLED: Final = -9
"""Status of a process that the system ended, as it does when memory runs out; weights that crash a library end it otherwise."""


def verified(place: Path, head: str, version: str) -> Bundle:
    """The bundle of a version, which scores well in a process of its own. Raises BundleRefused for one that must not serve, BundleUnjudged
    where the machine was too busy to tell."""
    try:
        manifest = Bundle.inspect(place, head)
        said = (manifest.head, manifest.version)
        if said != (head, version):
            raise BundleRefused("bundle", f"{said[0]}@{said[1]}", f"It lies where {head}@{version} should; register again.")
        _smoke(place, head)
        return Bundle.load(place, head)
    except OSError as error:
        if error.errno in SHORT:
            raise BundleUnjudged("bundle", str(place), f"{error.strerror}: the machine is busy; it is tried again.") from None
        raise BundleRefused("bundle", str(place), f"It cannot be read: {error}") from None


def _smoke(place: Path, head: str) -> None:
    """Scores noise in a subprocess: weights that crash the library cannot take a worker down with them."""
    command = [sys.executable, "-c", SMOKE, str(place), head]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SMOKE_SECONDS)
    except subprocess.TimeoutExpired:
        fix = f"Scoring it took more than {SMOKE_SECONDS} s: the machine is busy; it is tried again."
        raise BundleUnjudged("bundle", str(place), fix) from None
    if done.returncode == KILLED:
        raise BundleUnjudged("bundle", str(place), "The system ended the process that scored it; it is tried again.")
    if done.returncode != 0:
        raise BundleRefused("bundle", str(place), f"The smoke test failed: {done.stderr.strip()[-300:] or done.returncode}")
