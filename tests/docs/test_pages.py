"""What the pages name exists: links and their sections, files, make targets, verbs; every block of code names its language."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pipelines.__main__ import VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"bash", "python", "console", "json", "text", "toml", "yaml"}
FOLDERS = ("feature_repo", "serving", "pipelines", "dags", "docs", "tests", "requirements", "infra")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./<>*-]*|\.ci/\w+")
"""What stands as code and begins like a path of the checkout. A name in angle brackets stands for any."""
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def ids(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return BLOCK.sub("", page.read_text())


@cache
def anchors(page: Path) -> set[str]:
    """The names by which the sections of a page are linked to."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> Iterator[str]:
    """Links of a page that lead nowhere."""
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, section = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (section and section not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "history.md"], ids=ids)
def test_every_path_that_is_named_exists(page: Path) -> None:
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    named = {word for span in spans for word in span.split() if PATH.fullmatch(word)}
    assert [name for name in sorted(named) if not any(ROOT.glob(re.sub(r"<\w+>", "*", name).rstrip("/")))] == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link).resolve() for link in LINK.findall(index.read_text())}
    assert [ids(page) for page in PAGES if page.parent != ROOT and page != index and page not in listed] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_block_names_its_language(page: Path) -> None:
    assert {language for _, language, _ in BLOCK.findall(page.read_text())} <= LANGUAGES, "an unnamed block is not run"


def test_make_targets_and_verbs_that_are_named_exist() -> None:
    texts = {ids(page): page.read_text() for page in PAGES}
    targets = {target for text in texts.values() for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)}
    assert {"demo", "test"} <= targets
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)
    verbs = [(name, verb) for name, text in texts.items() for verb in re.findall(r"(?:`|^|/)placard ([a-z]+)", text, re.MULTILINE)]
    assert [(name, verb) for name, verb in verbs if verb not in VERBS] == []
