"""What served when, and why: one line a change of a role or a refusal, appended and never rewritten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from serving.bundles import refusals
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


def read(bundles: Path, head: str = "") -> list[Change]:
    """Every change, oldest first; of one head, or of all."""
    lines = _file(bundles).read_text().splitlines() if _file(bundles).exists() else []
    found = (json.loads(line) for line in lines)
    changes = [Change(**{**line, "failed": tuple(line.get("failed", ()))}) for line in found]
    return [c for c in changes if not head or c.head == head]


def refused(bundles: Path) -> refusals.Refusals:
    """Serving's file of refusals; made anew from the journal's lines when it is damaged."""
    try:
        return refusals.read(bundles)
    except ServingError:
        found: refusals.Refusals = {}
        for change in read(bundles):
            if change.alias == REFUSED and change.version:
                found.setdefault(change.head, {})[change.version] = change.why
            elif change.alias == REFUSED:
                found.get(change.head, {}).pop(change.before, None)
        return found


def in_production(changes: Sequence[Change], at: datetime) -> dict[str, Change]:
    """By head: the change that made the champion of that moment. Heads without one then are absent."""
    moment, found = at.astimezone(UTC), dict[str, Change]()
    for change in changes:
        if change.alias == "champion" and datetime.fromisoformat(change.at) <= moment:
            found[change.head] = change
    return {head: change for head, change in found.items() if change.version}
