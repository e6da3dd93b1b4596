"""What could be wrong with the models and the snapshot that serving is pointed at, one check a function, each with its fix. Needs the extra
`serving`. Files are compared with their hashes and read; nothing is scored here, which every change of a role does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from feature_repo.errors import PlacardError
from feature_repo.services import is_retiring
from pipelines.operations.doctor import Check
from pipelines.registry import journal
from pipelines.registry.alias_differences import compared
from pipelines.registry.mlflow_aliases import MlflowUnread, mlflow_versions
from pipelines.registry.targets import check_files
from serving.bundles.aliases import Aliases, is_shadow, read_aliases, version_folder
from serving.bundles.refusals import read_refusals
from serving.bundles.sealed import MANIFEST, read_manifest
from serving.settings import Settings
from serving.snapshot import current_version, verified_snapshot

NAMED: Final = 3
"""Most things that a check names."""


def roles(settings: Settings) -> Check:
    """Every role points at a version whose files are what was registered, and none in the auction at one that was removed."""
    try:
        aliases, refused = read_aliases(settings.home.bundles), read_refusals(settings.home.bundles)
    except PlacardError as error:
        return Check("roles", "bad", f"{error.thing}: {error.value}", error.fix)
    bad = list(_unsound(settings, aliases))
    if bad:
        return Check("roles", "bad", _few(bad), "Register it again, or `placard rollback HEAD` to a version whose files are whole.")
    removed = [
        f"{head}@{alias} is {version}, which was removed: {refused[head][version]}"
        for head, by in aliases.items()
        for alias, version in by.items()
        if version in refused.get(head, {}) and not is_shadow(alias)
    ]
    if removed:
        return Check("roles", "warn", _few(removed), "Promote another version, or `placard registry admit HEAD VERSION`.")
    going = [f"{who} reads {name}" for who, name in _inputs_read(settings, aliases) if is_retiring(name)]
    if going:
        fix = "Train and promote a version of the newest input."
        return Check("roles", "warn", f"{_few(going)}: the next release does not serve it", fix)
    return Check(
        "roles", "ok", ", ".join(f"{head} {by['champion']}" for head, by in aliases.items() if "champion" in by) or "no champion yet"
    )


def _inputs_read(settings: Settings, aliases: Aliases) -> Iterator[tuple[str, str]]:
    """Every role with its version, and the input that it reads; "" of what reads none."""
    for head, by in aliases.items():
        for alias, version in by.items():
            manifest = read_manifest(version_folder(settings.home.bundles, head, version))
            yield f"{head}@{alias} {version}", str(manifest.get("input", ""))


def _unsound(settings: Settings, aliases: Aliases) -> Iterator[str]:
    for head, by in aliases.items():
        for version in sorted(set(by.values())):
            names = ", ".join(f"@{alias}" for alias, v in by.items() if v == version)
            try:
                check_files(settings, head, version)
            except PlacardError as error:
                yield f"{head} {version} ({names}): {error.thing}: {error.value}"


def versions(settings: Settings) -> Check:
    """Every installed version says what it is, also those without a role."""
    bad, many = list[str](), 0
    for path in sorted(settings.home.bundles.glob("[!.]*/[!.]*/manifest.json")):
        many += 1
        try:
            read_manifest(path.parent)
        except PlacardError as error:
            bad.append(f"{path.parents[1].name} {path.parent.name}: {error.thing}")
    if bad:
        fix = "Each concerns itself alone: it cannot be given a role. Remove its folder, or register it again."
        return Check("versions", "warn", f"not readable, or not what was registered: {_few(bad)}", fix)
    return Check("versions", "ok", f"{many} installed")


def changes(settings: Settings) -> Check:
    """No change of a role was cut short, and every line that tells of one can be read."""
    left = journal.intended_file(settings.home.bundles)
    if left.exists():
        return Check(
            "changes", "warn", f"a change of a role was cut short: {left}", "The same command again finishes it, as any other does."
        )
    try:
        unread = journal.unreadable_lines(settings.home.bundles)
    except OSError as error:
        return Check("changes", "bad", f"{error.filename}: {error.strerror}", "Restore it from a backup, or remove it.")
    if unread:
        fix = "What they told is lost; remove them. Roles lie elsewhere: `placard registry list` shows those in force."
        return Check("changes", "warn", f"lines of journal.jsonl that cannot be read: {_few([str(n) for n in unread])}", fix)
    return Check("changes", "ok", "none was cut short")


def registrations(settings: Settings) -> Check:
    """What MLflow knows is installed, or was once."""
    bundles = settings.home.bundles
    try:
        known = mlflow_versions(settings)
    except MlflowUnread as error:
        return Check("registrations", "warn", str(error), "Versions are listed as they are installed; start MLflow's store again.")
    told = {(change.head, change.version) for change in journal.read(bundles)}
    left = [f"{head} {v}" for head, v in known if (head, v) not in told and not (version_folder(bundles, head, v) / MANIFEST).exists()]
    if left:
        fix = "Nothing serves them. Register again what was to be registered: the version is finished, and gets no other number."
        return Check("registrations", "warn", f"known to MLflow and not installed: {_few(left)}", fix)
    return Check("registrations", "ok", "none was cut short")


def snapshot(settings: Settings) -> Check:
    """The snapshot that serving is pointed at is what was published."""
    try:
        version = current_version(settings.home.snapshots)
    except PlacardError:
        return Check("snapshot", "warn", "nothing published yet", "Run `placard features publish --partition DAY`.")
    try:
        found = verified_snapshot(settings.home.snapshots / version)
    except PlacardError as error:
        return Check("snapshot", "bad", f"{error.thing}: {error.value}", error.fix)
    return Check("snapshot", "ok", f"{version}, {len(found):,} ads")


def mlflow_roles(settings: Settings) -> Check:
    """MLflow says of the roles what serving does."""
    found = compared(settings)
    if found.unread:
        return Check("mlflow roles", "warn", found.unread, "Serving follows its own file; start MLflow's store again.")
    if found.differences:
        fix = "Serving follows its own file; `placard registry reconcile` takes a move over, or puts it back with the reason."
        return Check("mlflow roles", "warn", _few([d.line for d in found.differences]), fix)
    return Check("mlflow roles", "ok", "as serving has them")


def _few(what: list[str]) -> str:
    more = f" and {len(what) - NAMED:,} more" if len(what) > NAMED else ""
    return "; ".join(what[:NAMED]) + more


CHECKS: Final[tuple[Callable[[Settings], Check], ...]] = (roles, versions, changes, registrations, snapshot, mlflow_roles)


def examine_models(settings: Settings) -> Iterable[Check]:
    """Every check, in order, as it finishes."""
    for check in CHECKS:
        yield check(settings)
