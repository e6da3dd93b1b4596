"""What served when, and why: one line a change of a role or a refusal, appended and never rewritten."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from feature_repo.whole_file import write_whole
from serving.bundles import refusals
from serving.bundles.aliases import Aliases
from serving.errors import ServingError

REFUSED: Final = "refused"
"""Stands in place of an alias where a version was kept out of the auction (or, with no version, let in again)."""


@dataclass(frozen=True)
class Change:
    """At `at`, `alias` of `head` went from one version to another ("" is none), and why. failed: gates that were overridden."""

    at: str
    head: str
    alias: str
    version: str
    before: str
    why: str
    failed: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """For a person."""
        over = f"  overriding {', '.join(self.failed)}" if self.failed else ""
        if self.alias == REFUSED:
            done = f"{self.version} kept out of the auction" if self.version else f"{self.before} let into the auction again"
            return f"{self.at} {self.head} {done}: {self.why}"
        return f"{self.at} {self.head} @{self.alias}: {self.before or 'none'} → {self.version or 'none'}  {self.why}{over}"


def _file(bundles: Path) -> Path:
    return bundles / "journal.jsonl"


def append(bundles: Path, changes: Sequence[Change]) -> None:
    """Adds lines."""
    bundles.mkdir(parents=True, exist_ok=True)
    with _file(bundles).open("a") as journal:
        journal.writelines(json.dumps(asdict(change)) + "\n" for change in changes)


def _intended(bundles: Path) -> Path:
    return bundles / "journal.intended.json"


def intend(bundles: Path, changes: Sequence[Change]) -> None:
    """Writes down changes that are about to be made. `settle` turns them into lines of the journal once they have been made, also when the
    process has died in between."""
    write_whole(_intended(bundles), json.dumps([asdict(change) for change in changes]))


def _done(bundles: Path, aliases: Aliases) -> list[Change]:
    """The intended changes that have been made, as the aliases in force show, and that have no line of their own yet."""
    try:
        said = json.loads(_intended(bundles).read_text())
    except FileNotFoundError:
        return []
    changes = [_change(line) for line in said]
    if any(aliases.get(c.head, {}).get(c.alias, "") != c.version for c in changes):
        return []
    newest = read(bundles)[-len(changes) :]
    return [c for c in changes if c not in newest]


def settle(bundles: Path, aliases: Aliases) -> None:
    """Adds the lines of what was intended and done, also before a death. The caller holds the lock `models`."""
    append(bundles, _done(bundles, aliases))
    _intended(bundles).unlink(missing_ok=True)


def _change(line: Mapping[str, Any]) -> Change:
    return Change(**{**line, "failed": tuple(line.get("failed", ()))})


def read(bundles: Path, head: str = "", aliases: Aliases | None = None) -> list[Change]:
    """Every change, oldest first; of one head, or of all. aliases: those in force, for a change whose line a death has cost."""
    lines = _file(bundles).read_text().splitlines() if _file(bundles).exists() else []
    changes = [_change(json.loads(line)) for line in lines]
    changes += [] if aliases is None else _done(bundles, aliases)
    return [c for c in changes if not head or c.head == head]


def refused(bundles: Path) -> refusals.Refusals:
    """Serving's file of refusals; made anew from the journal's lines when it is damaged."""
    try:
        return refusals.read_refusals(bundles)
    except ServingError:
        found: refusals.Refusals = {}
        for change in read(bundles):
            if change.alias == REFUSED and change.version:
                found.setdefault(change.head, {})[change.version] = change.why
            elif change.alias == REFUSED:
                found.get(change.head, {}).pop(change.before, None)
        return found


def kept_out(bundles: Path, head: str) -> dict[str, str]:
    """Why the auction does not take a version, by version: it was refused, or is not calibrated."""
    manifests = (json.loads(path.read_text()) for path in bundles.glob(f"{head}/[!.]*/manifest.json"))
    return {str(m["version"]): refusals.UNCALIBRATED for m in manifests if not m.get("calibrated", True)} | refused(bundles).get(head, {})


def in_production(changes: Sequence[Change], at: datetime) -> dict[str, Change]:
    """By head: the change that made the champion of that moment. Heads without one then are absent."""
    moment, found = at.astimezone(UTC), dict[str, Change]()
    for change in changes:
        if change.alias == "champion" and datetime.fromisoformat(change.at) <= moment:
            found[change.head] = change
    return {head: change for head, change in found.items() if change.version}
