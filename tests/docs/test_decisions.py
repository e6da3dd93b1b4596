"""Decisions can be found: by their numbers from the code, by the contents from the top of the page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = (ROOT / "docs" / "DECISIONS.md").read_text()
HEADINGS = [int(number) for number in re.findall(r"^### (\d+)\. ", DECISIONS, re.MULTILINE)]
FOLDERS = ("feature_repo", "serving", "pipelines", "dags", "tests", "docs")


def test_each_number_is_given_once_and_none_is_left_out() -> None:
    history = {int(number) for number in re.findall(r"^\*\*(\d+)\b", (ROOT / "docs" / "history.md").read_text(), re.MULTILINE)}
    assert len(HEADINGS) == len(set(HEADINGS)) > 0
    assert set(HEADINGS) | history == set(range(1, max(HEADINGS) + 1)), "a decision that no longer binds moves to docs/history.md"


def test_the_contents_name_every_decision_in_the_order_of_the_page() -> None:
    titles = re.findall(r"^##+ (.*)$", DECISIONS, re.MULTILINE)
    assert re.findall(r"^ *- \[(.*)\]\(#", DECISIONS, re.MULTILINE) == titles


def test_what_the_code_calls_a_decision_is_one() -> None:
    files = [path for folder in FOLDERS for kind in ("*.py", "*.md") for path in (ROOT / folder).rglob(kind)]
    texts = {path: path.read_text() for path in (*files, ROOT / "CHANGELOG.md", ROOT / "README.md", ROOT / "CONTRIBUTING.md")}
    named = [(path.name, int(number)) for path, text in texts.items() for number in re.findall(r"DECISIONS (\d+)", text)]
    assert named
    assert [(name, number) for name, number in named if number not in HEADINGS] == []


def test_decisions_refer_to_decisions() -> None:
    named = [int(number) for number in re.findall(r"\((\d{1,2})\)", DECISIONS)]
    assert named
    assert set(named) <= set(HEADINGS)
