"""A folder of model files that knows when it was changed: a manifest with the SHA-256 of each, itself sealed. No pickle, ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from feature_repo.json_text import parsed
from feature_repo.whole_file import whole_folder, write_whole
from serving.errors import BundleRefused

MANIFEST: Final = "manifest.json"
SEAL: Final = "seal"


def seal(raw: Mapping[str, Any]) -> str:
    """SHA-256 of what a manifest says: scores are made with its numbers as much as with the files it names."""
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def write_sealed(folder: Path, manifest: Mapping[str, Any], write: Callable[[Path], None]) -> None:
    """Makes the folder, replacing one that is there whole. write: puts the files into the folder it is given; the
    manifest gets their SHA-256 as `files`."""
    with whole_folder(folder) as part:
        write(part)
        files = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(part.iterdir())}
        write_manifest_file(part, {**manifest, "files": files})


def write_manifest_file(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Writes a manifest with its seal, replacing the file whole."""
    raw = json.loads(json.dumps(manifest))  # as it will be read: tuples are lists
    write_whole(folder / MANIFEST, json.dumps({**raw, SEAL: seal(raw)}, indent=1, sort_keys=True) + "\n")


def read_manifest(folder: Path, **expected: Any) -> dict[str, Any]:
    """What a manifest says, as it was sealed. expected: entries that it must have. Raises BundleRefused."""
    path = folder / MANIFEST
    try:
        raw: dict[str, Any] = parsed(path.read_text())
        for name, value in expected.items():
            if raw.get(name) != value:
                raise BundleRefused(f"bundle {name}", raw.get(name), f"This version reads {value}; train again.")
        sealed = raw.pop(SEAL, "") == seal(raw)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BundleRefused("bundle manifest", str(path), f"It cannot be read: {error}") from None
    if not sealed:
        raise BundleRefused("bundle manifest", str(path), "It is not what was written with the bundle; register again.")
    return raw


def verify(folder: Path, files: object, *needed: str) -> None:
    """Checks the files against their SHA-256. Raises BundleRefused naming the one that is absent or was changed."""
    for name in needed:
        path = folder / name
        try:
            seen = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "absent"
        except OSError as error:
            raise BundleRefused(f"bundle file {name}", str(path), f"It cannot be read: {error}") from None
        if not isinstance(files, dict) or seen != files.get(name):
            raise BundleRefused(f"bundle file {name}", f"sha256 {seen[:16]}", "It is not what was trained; register again.")
