"""What makes a model the same as another: its files and what it was trained to, whatever its version."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from feature_repo.json_text import parsed
from serving.bundles.sealed import MANIFEST, SEAL, seal

GIVEN_AT_REGISTRATION: Final = ("version", "metrics", "calibrated", SEAL)
"""What a manifest says of a version and not of what it was trained to."""


def content_of(folder: Path) -> str:
    """A digest of a model's content; "" where the manifest cannot be read: such a model is like no other."""
    try:
        said = parsed((folder / MANIFEST).read_text())
        return seal({name: value for name, value in said.items() if name not in GIVEN_AT_REGISTRATION})
    except (OSError, ValueError, AttributeError):
        return ""
