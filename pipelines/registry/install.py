"""Puts a model's folder where serving reads it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.bundles.sealed import write_manifest_file


def install(candidate: Path, target: Path, manifest: Mapping[str, Any]) -> Path:
    """Copies a model's folder to where serving reads it, whole or not at all, and returns that place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
    shutil.copytree(candidate, part, dirs_exist_ok=True)
    write_manifest_file(part, manifest)
    shutil.rmtree(target, ignore_errors=True)
    part.chmod(0o755)
    os.replace(part, target)
    return target
