"""Which version of each head has which role (an alias: champion, previous, challenger, shadow and the tiers), set in MLflow, in
serving's file and in the journal together; and what is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache

from feature_repo.exclusive import exclusive
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.registry import journal
from pipelines.registry.journal import Change
from pipelines.registry.mlflow_store import mlflow_client
from pipelines.registry.version import Version
from serving.bundles.aliases import Aliases, read_aliases, version_folder, write_aliases
from serving.errors import ServingError
from serving.settings import Settings


def set_alias(settings: Settings, head: str, alias: str, version: str, why: str) -> None:
    """Points an alias at a version, in MLflow, in serving's file and in the journal. Raises PipelineError for an unknown version."""
    with exclusive(settings.home, "models"):
        point(settings, head, {alias: (version, why)})


def clear_alias(settings: Settings, head: str, alias: str, why: str) -> None:
    """Takes an alias away; nothing happens when it is not set."""
    with exclusive(settings.home, "models"):
        if alias in aliases_of(settings).get(head, {}):
            point(settings, head, {alias: ("", why)})


def point(settings: Settings, head: str, changes: Mapping[str, tuple[str, str]], failed: Sequence[str] = ()) -> None:
    """Points aliases at versions (none: away) for a reason. Serving sees all changes or none: its file is replaced once, last.

    The caller holds the lock `models`. A death half-way leaves that file as it was; the same change made again ends the same. What
    was in force is in the history, wherever the death came.
    failed: gates that are overridden.
    """
    for version, _ in changes.values():
        check_installed(settings, head, version)
    aliases = aliases_of(settings)
    journal.settle(settings.home.bundles, aliases)
    mine = aliases.setdefault(head, {})
    at, lines = now(), []
    with mlflow_client(settings) as client:
        for alias, (version, why) in changes.items():
            over = tuple(failed) if alias == "champion" else ()
            lines.append(Change(at, head, alias, version, mine.pop(alias, ""), why, over))
            if version:
                client.set_registered_model_alias(head, alias, version)
                mine[alias] = version
            else:
                client.delete_registered_model_alias(head, alias)
    journal.intend(settings.home.bundles, lines)
    write_aliases(settings.home.bundles, aliases)
    journal.settle(settings.home.bundles, aliases)


def now() -> str:
    """The moment that a line of the journal gets."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def check_installed(settings: Settings, head: str, version: str) -> None:
    """Raises PipelineError for a version that is not; "" is none and passes."""
    if version and not (version_folder(settings.home.bundles, head, version) / "manifest.json").exists():
        known = ", ".join(v.version for v in versions(settings, head)) or "none"
        raise PipelineError(f"{head} version", version, f"Registered: {known}.")


def aliases_of(settings: Settings) -> Aliases:
    """Serving's file; made anew from MLflow when it is damaged."""
    try:
        return read_aliases(settings.home.bundles)
    except ServingError:
        with mlflow_client(settings) as client:
            return {m.name: {alias: str(v) for alias, v in m.aliases.items()} for m in client.search_registered_models()}


def promote(settings: Settings, head: str, version: str = "", why: str = "", failed: Sequence[str] = ()) -> Change:
    """Makes a version (default: the challenger) champion; the champion before becomes previous. It asks for no evidence: that is
    promotion.py's part. failed: gates that were overridden. Raises Refused for a version that is kept out of the auction."""
    with exclusive(settings.home, "models"):
        chosen, before = chosen_of(settings, head, version), aliases_of(settings).get(head, {}).get("champion", "")
        refused = journal.refused(settings.home.bundles).get(head, {})
        if reason := journal.kept_out(settings.home.bundles, head).get(chosen):
            again = f", or `placard registry admit {head} {chosen}`" if chosen in refused else ""
            raise Refused(f"{head} version", chosen, f"It is kept out of the auction: {reason}. Train another{again}.")
        stays = before and before != chosen and before not in refused
        away = {"previous": (before, f"{chosen} took its place")} if stays else {}
        point(settings, head, {**away, "champion": (chosen, why or "promoted")}, failed)
        return history(settings, head)[-1]


def chosen_of(settings: Settings, head: str, version: str) -> str:
    """The version, or the challenger when none is named. Raises Missing when there is neither, PipelineError for an unknown one."""
    chosen = version or aliases_of(settings).get(head, {}).get("challenger", "")
    if not chosen:
        raise Missing(f"{head} challenger", "none", f"Register one: `placard registry register --head {head} --partition DAY`.")
    check_installed(settings, head, chosen)
    return chosen


def rollback(settings: Settings, head: str, why: str = "rolled back") -> Change:
    """Brings the previous champion back; the two change places. Raises Missing when there is none."""
    with exclusive(settings.home, "models"):
        aliases = aliases_of(settings).get(head, {})
        if "previous" not in aliases:
            raise Missing(f"previous {head}", "none", "Only a promotion over another champion leaves one.")
        back, away = aliases["previous"], aliases["champion"]
        if reason := journal.refused(settings.home.bundles).get(head, {}).get(back):
            raise Refused(f"previous {head}", back, f"It is kept out of the auction: {reason}.")
        point(settings, head, {"previous": (away, f"{back} came back"), "champion": (back, why)})
        return history(settings, head)[-1]


def versions(settings: Settings, head: str = "") -> list[Version]:
    """Installed versions, oldest first."""
    aliases, found = aliases_of(settings), []
    kept_out = cache(lambda of: journal.kept_out(settings.home.bundles, of))
    for path in settings.home.bundles.glob(f"{head or '[!.]*'}/[!.]*/manifest.json"):
        manifest = json.loads(path.read_text())
        names = tuple(a for a, v in sorted(aliases.get(manifest["head"], {}).items()) if v == manifest["version"])
        why = kept_out(manifest["head"]).get(manifest["version"], "")
        found.append(
            Version(manifest["head"], manifest["version"], manifest["ranker"], manifest["trained_to"], names, manifest["metrics"], why)
        )
    return sorted(found, key=lambda v: (v.head, int(v.version)))


def history(settings: Settings, head: str = "") -> list[Change]:
    """Every change of a role and every refusal, oldest first: what was in production when, and why."""
    return journal.read(settings.home.bundles, head, read_aliases(settings.home.bundles))
