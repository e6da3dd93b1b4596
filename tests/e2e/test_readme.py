"""The tutorial's code blocks are run in one shell, as a newcomer would type them, on one fresh platform; the README's are some of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN = {"bash", "python"}
MAKE = re.compile(r"(\s*make [a-z-]+.*\n)+")
"""The make targets are what runs this test; tests/docs/test_pages.py looks whether there are such."""


def to_run(document: str) -> list[tuple[str, str]]:
    """The language and the text of each block that is run."""
    found = BLOCK.findall((ROOT / document).read_text())
    return [(language, text) for language, text in found if language in RUN and not MAKE.fullmatch(text)]


def test_the_readme_is_a_short_form_of_the_tutorial() -> None:
    long, short = to_run("docs/tutorial.md"), to_run("README.md")
    assert len(short) >= 3
    rest = iter(long)
    missing = [text for block in short if block not in rest for text in block[1:]]
    assert missing == [], "what is run in the README stands in the tutorial, word for word and in the same order: there it is run"


@pytest.mark.slow
@pytest.mark.timeout(5400)  # ten minutes on two free cores; others may share them
def test_the_tutorial_runs(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "PLACARD_HOME": str(tmp_path / "home"),
        "PLACARD_PORT": "0",
        "NO_COLOR": "1",
    }
    script = ["set -euo pipefail"]
    for number, (language, text) in enumerate(to_run("docs/tutorial.md")):
        script.append(f"echo 'block {number}' >&2")
        script.append(text if language == "bash" else f"python - <<'END OF BLOCK'\n{text}END OF BLOCK")
    with (tmp_path / "said").open("w") as said:
        typed = subprocess.Popen(
            ["bash", "-c", "\n".join(script)], cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            status = typed.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(typed.pid, signal.SIGTERM)  # the server, where a block before its end has failed
    assert status == 0, (tmp_path / "said").read_text()[-6000:]
