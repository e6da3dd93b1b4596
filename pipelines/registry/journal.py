"""What served when, and why: one line a change of a role or a refusal, appended and never rewritten."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from feature_repo.json_text import parsed
from feature_repo.whole_file import write_whole
from serving.bundles import refusals
from serving.bundles.aliases import Aliases, read_aliases
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
    """Adds lines. Half a line that a power cut has left stays one by itself: it takes none of these with it."""
    bundles.mkdir(parents=True, exist_ok=True)
    with _file(bundles).open("a+b") as journal:
        journal.seek(max(journal.seek(0, os.SEEK_END) - 1, 0))
        cut = journal.read() not in (b"", b"\n")
        lines = "".join(json.dumps(asdict(change)) + "\n" for change in changes)
        journal.write((("\n" if cut else "") + lines).encode())


def intended_file(bundles: Path) -> Path:
    """Where changes that are about to be made are written down; it is gone once they are."""
    return bundles / "journal.intended.json"


def intend(bundles: Path, changes: Sequence[Change]) -> None:
    """Writes down changes that are about to be made: what a death in between costs is made up for by `transition.catch_up`."""
    write_whole(intended_file(bundles), json.dumps([asdict(change) for change in changes]))


def intended(bundles: Path) -> list[Change]:
    """The changes that were about to be made; none where nothing was left undone."""
    try:
        return [_change(line) for line in parsed(intended_file(bundles).read_text())]
    except (FileNotFoundError, ValueError, TypeError):  # damaged, it can tell nothing: the aliases say what was done
        return []


def forget_intention(bundles: Path) -> None:
    """Nothing is left undone."""
    intended_file(bundles).unlink(missing_ok=True)


def in_force(changes: Sequence[Change], aliases: Aliases) -> bool:
    """Whether the aliases show that the changes were made."""
    return all(aliases.get(c.head, {}).get(c.alias, "") == c.version for c in changes if c.alias != REFUSED)


def untold(bundles: Path, changes: Sequence[Change]) -> list[Change]:
    """Those that have no line yet. They were the last to be written down, if they were."""
    newest = read(bundles)[-len(changes) :]
    return [c for c in changes if c not in newest]


def with_refusals(found: refusals.Refusals, changes: Iterable[Change]) -> refusals.Refusals:
    """Refusals after these changes; heads without one are left out."""
    after = {head: dict(by) for head, by in found.items()}
    for change in changes:
        if change.alias == REFUSED and change.version:
            after.setdefault(change.head, {})[change.version] = change.why
        elif change.alias == REFUSED:
            after.get(change.head, {}).pop(change.before, None)
    return {head: by for head, by in after.items() if by}


def _change(line: Mapping[str, Any]) -> Change:
    return Change(**{**line, "failed": tuple(line.get("failed", ()))})


def read(bundles: Path, head: str = "", aliases: Aliases | None = None) -> list[Change]:
    """Every change, oldest first; of one head, or of all. aliases: those in force, for a change whose line a death has cost. A line that
    was cut short, as a power cut may do to the last one, is left out."""
    changes = list(_lines(bundles))
    if aliases is not None and in_force(left := intended(bundles), aliases):
        changes += untold(bundles, left)
    return [c for c in changes if not head or c.head == head]


def _lines(bundles: Path) -> Iterator[Change]:
    return (change for _, change in _numbered(bundles) if change is not None)


def unreadable_lines(bundles: Path) -> list[int]:
    """The numbers, from 1, of lines that tell nothing."""
    return [number for number, change in _numbered(bundles) if change is None]


def _numbered(bundles: Path) -> Iterator[tuple[int, Change | None]]:
    text = _file(bundles).read_text(errors="replace") if _file(bundles).exists() else ""
    for number, line in enumerate(text.splitlines(), 1):
        try:
            yield number, _change(parsed(line))
        except (ValueError, TypeError):
            yield number, None


def on_file(bundles: Path) -> refusals.Refusals:
    """Serving's file of refusals; made anew from the journal's lines when it is damaged."""
    try:
        return refusals.read_refusals(bundles)
    except ServingError:
        return with_refusals({}, read(bundles))


def refused(bundles: Path) -> refusals.Refusals:
    """The refusals, those of a change among them that a death cut short after it had come into force."""
    found, left = on_file(bundles), intended(bundles)
    return with_refusals(found, left) if left and in_force(left, read_aliases(bundles)) else found


def in_production(changes: Sequence[Change], at: datetime) -> dict[str, Change]:
    """By head: the change that made the champion of that moment. Heads without one then are absent."""
    moment, found = at.astimezone(UTC), dict[str, Change]()
    for change in changes:
        if change.alias == "champion" and datetime.fromisoformat(change.at) <= moment:
            found[change.head] = change
    return {head: change for head, change in found.items() if change.version}
