"""What a catalogue snapshot is: a folder of memory-mapped columns and a manifest that names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from feature_repo.json_text import parsed
from feature_repo.model_input import ModelInput
from feature_repo.services import INPUTS
from feature_repo.whole_file import whole_folder, write_whole
from serving.errors import SnapshotMissing
from serving.mapped_array import mapped_array
from serving.snapshot.meaning_index import arranged_by_meaning
from serving.snapshot.recall_index import arranged

FORMAT: Final = 8
POINTER: Final = "CURRENT"


@dataclass(frozen=True)
class SnapshotManifest:
    """as_of: the instant whose knowledge the snapshot holds. content: SHA-256 over its columns. inputs: the ad columns of each
    model input, in the order of its matrix, as the feature service named them when the snapshot was written."""

    version: str
    as_of: datetime
    ads: int
    content: str
    inputs: dict[str, tuple[str, ...]]
    format: int = FORMAT


def write_columns(snapshots: Path, as_of: datetime, columns: Mapping[str, np.ndarray], ads: int) -> str:
    """Writes the columns as one folder, named by day and content; returns the version. Idempotent."""
    columns = arranged_by_meaning(arranged(columns))
    inputs = ad_inputs()
    content = content_of(columns, inputs)
    version = named(as_of, content)
    folder = snapshots / version
    if _lies_whole(folder, content):
        return version
    manifest = {"version": version, "as_of": as_of.isoformat(), "ads": ads, "content": content, "inputs": inputs, "format": FORMAT}
    with whole_folder(folder) as part:
        for name, array in columns.items():
            np.save(part / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
        (part / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return version


def content_of(columns: Mapping[str, np.ndarray], inputs: Mapping[str, Sequence[str]]) -> str:
    """SHA-256 over the columns' names, types, shapes and values, and over the ad columns of each model input."""
    digest = hashlib.sha256(json.dumps(dict(inputs), sort_keys=True).encode())
    for name in sorted(columns):
        array = np.ascontiguousarray(columns[name])
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def named(as_of: datetime, content: str) -> str:
    """The version of a snapshot: its instant and the beginning of its content's hash."""
    return f"{as_of:%Y%m%dT%H%M}-{content[:12]}"


def _lies_whole(folder: Path, content: str) -> bool:
    """Whether the folder holds exactly this content: one that was altered since is written anew."""
    try:
        manifest = read_manifest(folder)
        return manifest.content == content and content_of(mapped_columns(folder), manifest.inputs) == content
    except (SnapshotMissing, OSError, ValueError):
        return False


def mapped_columns(folder: Path) -> dict[str, np.ndarray]:
    """A snapshot's columns, mapped into memory. Raises OSError and ValueError where one cannot be read."""
    return {file.stem: mapped_array(file) for file in sorted(folder.glob("*.npy"))}


def ad_inputs() -> dict[str, tuple[str, ...]]:
    """What the feature services ask of a snapshot now: per model input, the names of its ad columns in order."""
    return {name: tuple(model.columns[i].name for i in model.of("ad")) for name, model in INPUTS.items()}


def matrix_name(model: ModelInput) -> str:
    """The column that holds an input's ad columns, named by them: inputs and versions with the same ones share it."""
    ads = [model.columns[i].name for i in model.of("ad")]
    return f"matrix.{hashlib.sha256(json.dumps(ads).encode()).hexdigest()[:12]}"


def write_pointer(snapshots: Path, version: str) -> None:
    """Points serving at a version, atomically. `verified.set_current` looks at the version first."""
    write_whole(snapshots / POINTER, version + "\n")


def current_version(snapshots: Path) -> str:
    """The version serving should use. Raises SnapshotMissing when nothing has been published."""
    try:
        return (snapshots / POINTER).read_text().strip()
    except FileNotFoundError:
        raise SnapshotMissing("snapshot", str(snapshots), "Publish features: `placard features publish --partition DAY`.") from None


def read_manifest(folder: Path) -> SnapshotManifest:
    try:
        raw: dict[str, Any] = parsed((folder / "manifest.json").read_text())
        raw["as_of"] = datetime.fromisoformat(raw["as_of"])
        raw["inputs"] = {name: tuple(columns) for name, columns in raw.get("inputs", {}).items()}
        manifest = SnapshotManifest(**raw)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SnapshotMissing("snapshot", str(folder), f"Its manifest cannot be read ({error}); publish again.") from None
    if manifest.format != FORMAT:
        raise SnapshotMissing("snapshot format", manifest.format, f"This version reads format {FORMAT}; publish again.")
    return manifest
