"""What is installed and in force, as it is read: roles, reasons to be kept out, versions, history. Nothing is verified or changed here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from feature_repo.json_text import parsed
from pipelines.registry import journal
from pipelines.registry.journal import Change
from pipelines.registry.mlflow_store import mlflow_client
from pipelines.registry.version import Version
from serving.bundles import refusals
from serving.bundles.aliases import Aliases, read_aliases
from serving.errors import ServingError
from serving.settings import Settings


def aliases_of(settings: Settings) -> Aliases:
    """Serving's file; made anew from MLflow when it is damaged."""
    try:
        return read_aliases(settings.home.bundles)
    except ServingError:
        with mlflow_client(settings) as client:
            return {m.name: {alias: str(v) for alias, v in m.aliases.items()} for m in client.search_registered_models()}


def champion_of(bundles: Path, head: str) -> str:
    """The version that is champion; "" before the first promotion, and where it was removed and nobody could take its place."""
    version = read_aliases(bundles).get(head, {}).get("champion", "")
    return "" if version in journal.refused(bundles).get(head, {}) else version


def manifest_of(folder: Path) -> dict[str, Any] | str:
    """What a version's manifest says, unverified; why it cannot be read, where it cannot."""
    try:
        said = parsed((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        return f"its manifest cannot be read: {error}"
    return said if isinstance(said, dict) else "its manifest says nothing"


def kept_out(bundles: Path, head: str) -> dict[str, str]:
    """Why the auction does not take a version, by version: it was refused, is not calibrated, or cannot be read."""
    found: dict[str, str] = {}
    for path in bundles.glob(f"{head}/[!.]*/manifest.json"):
        said = manifest_of(path.parent)
        if isinstance(said, str):
            found[path.parent.name] = said
        elif not said.get("calibrated", True):
            found[path.parent.name] = refusals.UNCALIBRATED
    return found | journal.refused(bundles).get(head, {})


def versions(settings: Settings, head: str = "") -> list[Version]:
    """Installed versions, oldest first; one whose manifest cannot be read says so where the others say why they are kept out."""
    aliases, found = aliases_of(settings), []
    why = cache(lambda of: kept_out(settings.home.bundles, of))
    for path in settings.home.bundles.glob(f"{head or '[!.]*'}/[!.]*/manifest.json"):
        of, version, said = path.parents[1].name, path.parent.name, manifest_of(path.parent)
        names = tuple(a for a, v in sorted(aliases.get(of, {}).items()) if v == version)
        known: dict[str, Any] = {"ranker": "unknown", "trained_to": "", "metrics": {}} | (said if isinstance(said, dict) else {})
        reason = why(of).get(version, "")
        found.append(Version(of, version, str(known["ranker"]), str(known["trained_to"]), names, dict(known["metrics"]), reason))
    return sorted(found, key=lambda v: (v.head, int(v.version) if v.version.isdecimal() else 0, v.version))


def history(settings: Settings, head: str = "") -> list[Change]:
    """Every change of a role and every refusal, oldest first: what was in production when, and why."""
    return journal.read(settings.home.bundles, head, read_aliases(settings.home.bundles))
