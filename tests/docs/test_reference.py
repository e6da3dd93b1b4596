"""The committed reference says what the program says now, and leaves nothing out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from feature_repo.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reference as `make docs` writes it now."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, ROOT / "docs" / "generator", folder], cwd=ROOT, check=True)
    return folder


def test_the_reference_is_up_to_date(written: Path) -> None:
    now = {path.name: path.read_text() for path in written.iterdir()}
    committed = {path.name: path.read_text() for path in REFERENCE.iterdir()}
    assert now.keys() == committed.keys()
    old = [name for name in now if now[name] != committed[name]]
    assert old == [], "run `make docs` and commit docs/reference"


def test_every_verb_has_its_section_and_every_section_a_meaning(written: Path) -> None:
    from pipelines.__main__ import VERBS

    sections = (written / "command-line.md").read_text().split("\n## ")[1:]
    names = {section.splitlines()[0].strip("`").removeprefix("placard").split(" ")[-1] for section in sections}
    assert set(VERBS) <= names
    assert all(section.splitlines()[2].strip() for section in sections)


def test_every_setting_has_its_row(written: Path) -> None:
    from serving.settings import origins

    page = (written / "settings.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == len(origins()) > 0
    assert all(line.count("`PLACARD_") == 1 and line.strip("| ").split("|")[-1].strip() for line in rows), (
        "each has a variable and a meaning"
    )


def test_every_dag_has_its_section(written: Path) -> None:
    page = (written / "dags.md").read_text()
    files = sorted((ROOT / "dags").glob("*_daily.py"))
    assert files
    for path in files:
        section = page.split(f"\n## `{path.stem}`\n")[1].split("\n## ")[0]
        assert "**Schedule:** " in section and "| `placard " in section, path.stem


def test_every_feature_has_its_row(written: Path) -> None:
    page = (written / "feature-tables.md").read_text()
    for table in TABLES:
        section = page.split(f"\n## `{table.name}`\n")[1].split("\n## ")[0]
        assert [name for name in table.names if f"\n| `{name}` | " not in section] == []
