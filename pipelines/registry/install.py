"""Puts a model's folder where serving reads it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feature_repo.whole_file import whole_folder
from serving.bundles.sealed import write_manifest_file


def fill(candidate: Path, place: Path, manifest: Mapping[str, Any]) -> None:
    """Copies a model's files into a folder, with another manifest."""
    shutil.copytree(candidate, place, dirs_exist_ok=True)
    write_manifest_file(place, manifest)


def install(candidate: Path, target: Path, manifest: Mapping[str, Any]) -> None:
    """Copies a model's folder to where serving reads it, whole or not at all."""
    with whole_folder(target) as part:
        fill(candidate, part, manifest)
