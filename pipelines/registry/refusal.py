"""Keeping a version out of the auction, and letting it in again: told to serving, to the journal and to MLflow."""

from __future__ import annotations

from feature_repo.exclusive import exclusive
from pipelines.errors import PipelineError
from pipelines.registry import journal, mlflow_store, roles
from pipelines.registry.journal import REFUSED, Change
from serving.bundles import refusals
from serving.settings import Settings


def refuse(settings: Settings, head: str, version: str, reason: str) -> str:
    """Keeps a version out of the auction; when it is the champion, the previous one takes its place. Gives who is champion now.

    Serving is told first, by a file: it passes the version over within a poll, whatever becomes of the rest. Done again, it
    finishes what was left.
    """
    with exclusive(settings.home, "models"):
        roles.check_installed(settings, head, version)
        refused = journal.refused(settings.home.bundles)
        if version not in refused.get(head, {}):
            journal.append(settings.home.bundles, [Change(roles.now(), head, REFUSED, version, "", reason)])
            refused.setdefault(head, {})[version] = reason
            refusals.write_refusals(settings.home.bundles, refused)
        mine = roles.aliases_of(settings).get(head, {})
        back = mine.get("previous", "")
        if mine.get("champion") == version and back and back not in refused[head]:
            away = {"previous": ("", f"{version} must not serve: {reason}")}
            roles.point(settings, head, {**away, "champion": (back, f"{version} rolled back: {reason}")})
        mlflow_store.tag(settings, head, version, REFUSED, reason)
        return roles.aliases_of(settings).get(head, {}).get("champion", "")


def admit(settings: Settings, head: str, version: str, why: str) -> None:
    """Lets a refused version into the auction again. Raises PipelineError when it is not refused."""
    with exclusive(settings.home, "models"):
        refused = journal.refused(settings.home.bundles)
        if version not in refused.get(head, {}):
            raise PipelineError(f"{head} version", version, f"Refused: {', '.join(refused.get(head, {})) or 'none'}.")
        mlflow_store.tag(settings, head, version, REFUSED, "")
        del refused[head][version]
        refusals.write_refusals(settings.home.bundles, {head: by for head, by in refused.items() if by})
        journal.append(settings.home.bundles, [Change(roles.now(), head, REFUSED, "", version, why)])
