"""A demo run again goes on where it stopped."""

from __future__ import annotations

from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from feature_repo.home import Home
from pipelines.demo import story
from pipelines.demo.journal import Journal
from pipelines.demo.story import Size, Story
from pipelines.demo.tour import Tour
from serving.settings import Settings

TODAY = date(2026, 1, 19)


def test_a_part_is_remembered_once_it_has_ended_well(home: Home) -> None:
    made: list[str] = []

    def fails() -> Any:
        raise ZeroDivisionError

    first = Journal(home, {"users": 5})
    assert first.once("simulate", lambda: made.append("simulate") or {"days": 14}) == {"days": 14}
    with pytest.raises(ZeroDivisionError):
        first.once("features", fails)
    again = Journal(home, {"users": 5})
    assert "simulate" in again and "features" not in again and again.changed == []
    assert again.once("simulate", fails) == {"days": 14} == again.result("simulate")
    again.once("features", lambda: made.append("features"))
    assert made == ["simulate", "features"]


def test_other_parameters_or_another_day_begin_anew(home: Home) -> None:
    Journal(home, {"users": 5, "day": "2026-01-18"}).once("simulate", lambda: 1)
    anew = Journal(home, {"users": 5, "day": "2026-01-19"})
    assert anew.changed == ["day"] and "simulate" not in anew
    assert anew.once("simulate", lambda: 2) == 2
    assert Journal(home, {"users": 5, "day": "2026-01-19"}).result("simulate") == 2


def test_a_damaged_journal_counts_as_none(home: Home) -> None:
    Journal(home, {"users": 5}).once("simulate", lambda: 1)
    (home.root / "demo" / "journal.json").write_text("{")
    assert "simulate" not in Journal(home, {"users": 5})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the story does, in place of doing it. `fail` in the list makes that part fail."""
    done: list[str] = []

    def verb(home: Home, *argv: str, say: Any) -> dict[str, Any]:
        if "fail " + argv[0] in done:
            raise ZeroDivisionError
        done.append(" ".join(argv))
        say(f"{argv[0]} is done.")
        return {"versions": []}

    monkeypatch.setattr(story, "verb", verb)
    monkeypatch.setattr(story, "run_day", lambda home, day, say: done.append(f"day {day}"))
    served = {"requests": 200, "shown": 300, "clicks": 3, "p50_ms": 4.0, "decision_id": "d"}
    monkeypatch.setattr(Story, "_serve", lambda self, say: done.append("serve") or (served, ["the end"]))
    return done


def told(home: Home, day: date = TODAY, keep: bool = False) -> tuple[story.Outcome, list[str]]:
    said = StringIO()
    with Tour(Console(file=said, width=40)) as tour:
        outcome = Story(Settings(home_path=home.root), Size(), day, keep=keep, scheduler=True, tour=tour).tell()
    return outcome, said.getvalue().splitlines()


def test_a_story_that_failed_goes_on_with_the_part_that_did(home: Home, calls: list[str]) -> None:
    calls.append("fail evaluate")
    with pytest.raises(ZeroDivisionError):
        told(home)
    assert "promote click" in calls and "day 2026-01-18" in calls and "serve" not in calls
    calls.clear()
    outcome, said = told(home)
    slim = "--partition 2026-01-18 --head click --ranker xgboost_slim"
    assert calls == [f"evaluate {slim}", f"registry register {slim} --alias shadow", "serve"]
    assert outcome.lines == ["the end"] and outcome.served.shown == 300 and len(outcome.seconds) == 6
    assert said[0] == "Simulate two weeks of a market: done before."
    assert sum("done in" in line for line in said) == 2, "piped, each step is a line, unbroken, as it ends"


def test_a_story_that_ended_is_told_again_without_doing_anything(home: Home, calls: list[str]) -> None:
    first, _ = told(home)
    calls.clear()
    again, said = told(home)
    assert calls == [] and again.lines == first.lines and again.served == first.served
    assert len(said) == 6
    told(home, keep=True)
    assert calls == ["serve"], "an API that is to stay must run"


def test_another_day_is_said_to_be_another_story(home: Home, calls: list[str]) -> None:
    told(home)
    before = len(calls)
    _, said = told(home, date(2026, 1, 20))
    assert said[0] == "The demo before had another day: everything is done anew."
    assert len(calls) == 2 * before


def test_the_verbs_of_the_journal_lie_in_the_state_folder(home: Home, calls: list[str]) -> None:
    told(home)
    assert Path(home.root / "demo" / "journal.json").is_file()
