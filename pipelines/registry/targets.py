"""The one place where a version is verified before a role points at it: hashes, loading, and what it says of a few inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from feature_repo.services import HEADS
from pipelines.errors import PipelineError
from serving.bundles import Bundle
from serving.bundles.aliases import version_folder
from serving.bundles.sealed import read_manifest, verify
from serving.bundles.verified import verified
from serving.errors import BundleRefused
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
    else:
        check_files(settings, head, version)
    _known[place] = content


def check_files(settings: Settings, head: str, version: str) -> None:
    """As check_target, of an installed version and without scoring it: the files are what was registered, and can be read."""
    place = version_folder(settings.home.bundles, head, version)
    if head in HEADS:
        said = Bundle.inspect(place, head).version
        if said != version:
            raise BundleRefused("bundle", f"{head}@{said}", f"It lies where {head}@{version} should; register again.")
    elif head == LANGUAGE:
        verified_language(place, version)
    elif head == ENCODER:
        verified_encoder(version, settings.home.bundles, settings.language.text_encoder_path)
    else:
        files = read_manifest(place, head=head, version=version).get("files")
        verify(place, files, *(files if isinstance(files, dict) else ()))


def _by_number(version: str) -> tuple[int, str]:
    return (int(version) if version.isdecimal() else 0, version)
