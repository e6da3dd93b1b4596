"""The journal answers which model was in production when, and why; a damaged file of refusals is made anew from it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.registry import journal
from pipelines.registry.journal import REFUSED, Change
from serving.bundles import refusals

LINES = [
    Change("2026-03-01T08:00:00+00:00", "click", "challenger", "1", "", "trained on 2026-02-28"),
    Change("2026-03-01T09:00:00+00:00", "click", "champion", "1", "", "promoted"),
    Change("2026-03-02T09:00:00+00:00", "click", "previous", "1", "", "2 took its place"),
    Change("2026-03-02T09:00:00+00:00", "click", "champion", "2", "1", "looks good to me", ("calibration_ratio",)),
    Change("2026-03-02T09:05:00+00:00", "click", REFUSED, "2", "", "it promised too much"),
    Change("2026-03-02T09:05:01+00:00", "click", "champion", "1", "2", "2 rolled back: it promised too much"),
    Change("2026-03-03T09:00:00+00:00", "conversion", REFUSED, "4", "", "drifted"),
    Change("2026-03-04T09:00:00+00:00", "conversion", REFUSED, "", "4", "checked by hand"),
]


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    """Lines are added one after the other, as they happen."""
    for line in LINES:
        journal.append(tmp_path / "bundles", [line])
    return tmp_path / "bundles"


def test_what_was_written_is_read(bundles: Path) -> None:
    assert journal.read(bundles) == LINES
    assert journal.read(bundles, "conversion") == LINES[6:]
    assert journal.read(bundles.parent / "elsewhere") == []


@pytest.mark.parametrize(
    ("hour", "minute", "day", "version"), [(8, 30, 1, ""), (9, 0, 1, "1"), (8, 59, 2, "1"), (9, 0, 2, "2"), (9, 6, 2, "1"), (0, 0, 9, "1")]
)
def test_who_was_in_production_then(bundles: Path, hour: int, minute: int, day: int, version: str) -> None:
    found = journal.in_production(journal.read(bundles), datetime(2026, 3, day, hour, minute, tzinfo=UTC))
    assert set(found) == ({"click"} if version else set()), "a head that never had a champion is not named"
    assert not version or found["click"].version == version


def test_a_line_tells_what_was_overridden_and_refused() -> None:
    assert "1 → 2" in LINES[3].line and "looks good to me" in LINES[3].line and "overriding calibration_ratio" in LINES[3].line
    assert "2 kept out of the auction: it promised too much" in LINES[4].line
    assert "4 let into the auction again: checked by hand" in LINES[7].line


def test_a_journal_of_before_overrides_is_still_read(bundles: Path) -> None:
    with (bundles / "journal.jsonl").open("a") as file:
        file.write('{"at": "2026-03-05T00:00:00+00:00", "head": "click", "alias": "shadow", "version": "3", "before": "", "why": "old"}\n')
    assert journal.read(bundles)[-1].failed == ()


def test_refusals_are_made_anew_from_the_journal(bundles: Path) -> None:
    refusals.write_refusals(bundles, {"click": {"2": "as the file says"}})
    assert journal.refused(bundles) == {"click": {"2": "as the file says"}}
    (bundles / refusals.FILE).write_text("{")
    assert {h: by for h, by in journal.refused(bundles).items() if by} == {"click": {"2": "it promised too much"}}


def test_half_a_line_takes_no_other_line_with_it(bundles: Path) -> None:
    path = bundles / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    journal.append(bundles, LINES[:2])
    assert journal.read(bundles) == [*LINES[:-1], *LINES[:2]]
    assert journal.unreadable_lines(bundles) == [len(LINES)]
