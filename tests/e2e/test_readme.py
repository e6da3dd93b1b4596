"""Every code block of the README is run, in order, as a newcomer would type it, on one fresh platform."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LANGUAGES = {"bash", "python", "console", "json", "text"}
RUN = {"bash", "python"}


def blocks(document: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / document).read_text())


def test_every_block_names_its_language() -> None:
    fences = re.findall(r"^```(\w*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    opened = fences[::2]
    assert opened
    assert set(opened) <= LANGUAGES, "an unnamed block is not run"


def test_make_targets_named_in_the_readme_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert {"demo", "test"} <= named
    for target in named:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_readme_runs(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "PLACARD_HOME": str(tmp_path / "home"),
        "PLACARD_PORT": "0",
        "NO_COLOR": "1",
    }
    ran = 0
    for language, text in blocks("README.md"):
        if language not in RUN or re.fullmatch(r"(\s*make [a-z-]+.*\n)+", text):
            continue  # the make targets are what runs this test; they are checked above
        command = ["bash", "-euo", "pipefail", "-c", text] if language == "bash" else ["python", "-c", text]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1700)
        assert done.returncode == 0, f"this block of the README failed:\n{text}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        ran += 1
    assert ran >= 3
