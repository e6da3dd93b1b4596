"""What a day's model is to those that are registered: the same once more, or older than the one in its role."""

from __future__ import annotations

from pathlib import Path

from pipelines.registry import journal
from pipelines.registry.content import content_of
from pipelines.registry.listing import aliases_of, history, versions
from pipelines.registry.version import Version
from serving.bundles.aliases import version_folder
from serving.settings import Settings


def registered_before(settings: Settings, head: str, candidate: Path) -> Version | None:
    """The newest version with a candidate's content: the same files, trained the same on the same rows. None where there is none."""
    wanted = content_of(candidate)
    found = [v for v in versions(settings, head) if content_of(version_folder(settings.home.bundles, head, v.version)) == wanted]
    return found[-1] if found and wanted else None


def newer_in_role(settings: Settings, head: str, alias: str, trained_to: str) -> str:
    """The version that has the role, where it was trained to a later moment than `trained_to`; else "". One that was removed has none. A
    champion that was trained later is in the way of a challenger too: it was the challenger itself."""
    roles, known = aliases_of(settings).get(head, {}), {v.version: v.trained_to for v in versions(settings, head)}
    refused = journal.refused(settings.home.bundles).get(head, {})
    for role in ("challenger", "champion") if alias == "challenger" else (alias,):
        holder = roles.get(role, "")
        if holder not in refused and known.get(holder, "") > trained_to:
            return holder
    return ""


def had_role(settings: Settings, head: str, alias: str, version: str) -> bool:
    """Whether a version ever had a role: one that has lost it was replaced, or taken out of it."""
    return any(c.alias == alias and c.version == version for c in history(settings, head))
