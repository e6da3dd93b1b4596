"""The one place where a version is verified before a role points at it: hashes, loading, and what it says of a few inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from feature_repo.services import HEADS
from pipelines.errors import PipelineError
from serving.bundles.aliases import version_folder
from serving.bundles.sealed import read_manifest, verify
from serving.bundles.verified import verified
from serving.language.language import LANGUAGE
from serving.language.text_encoder import ENCODER
from serving.language.verified import verified_encoder, verified_language
from serving.settings import Settings

Content = tuple[tuple[str, int, int], ...]
_known: Final[dict[Path, Content]] = {}
"""What this process has verified already, with each file's size and time: a verb asks several times of one version."""


def check_installed(settings: Settings, head: str, version: str) -> None:
    """Raises PipelineError for a version that is not; "" is none and passes."""
    bundles = settings.home.bundles
    if version and not (version_folder(bundles, head, version) / "manifest.json").exists():
        known = ", ".join(sorted((path.parent.name for path in bundles.glob(f"{head}/[!.]*/manifest.json")), key=_by_number)) or "none"
        raise PipelineError(f"{head} version", version, f"Registered: {known}.")


def check_target(settings: Settings, head: str, version: str) -> None:
    """Raises PipelineError for a version that is not installed, BundleRefused for one whose files are gone, altered, or say what no model
    may say, BundleUnjudged where the machine was too busy to tell. Of a head that nothing serves the files alone are looked at."""
    check_installed(settings, head, version)
    place = version_folder(settings.home.bundles, head, version)
    content = tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in sorted(place.iterdir()))
    if _known.get(place) == content:
        return
    if head in HEADS:
        verified(place, head, version)
    elif head == LANGUAGE:
        verified_language(place, version)
    elif head == ENCODER:
        verified_encoder(version, settings.home.bundles, settings.language.text_encoder_path)
    else:
        files = read_manifest(place, head=head, version=version).get("files")
        verify(place, files, *(files if isinstance(files, dict) else ()))
    _known[place] = content


def _by_number(version: str) -> tuple[int, str]:
    return (int(version) if version.isdecimal() else 0, version)
