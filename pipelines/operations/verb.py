"""Runs a `placard` verb in a process of its own: what is shown or measured is what production runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from feature_repo.home import Home
from pipelines.errors import PipelineError
from serving.settings import child_environment

COMMAND: Final = str(Path(sys.executable).with_name("placard"))

Progress = Callable[[str], None]


def verb(home: Home, *argv: str, say: Progress) -> dict[str, Any]:
    """Runs one verb with --json and returns its object; its last line of progress goes to `say`.

    Raises PipelineError with the verb's own message when it fails; the whole output stays in the state folder's `demo`.
    """
    folder = home.root / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / ("-".join(a for a in argv[:2] if not a.startswith("-")) + ".log")
    environment = child_environment(PLACARD_HOME=str(home.root), NO_COLOR="1", COLUMNS="100")
    process = subprocess.Popen([COMMAND, *argv, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None and process.stderr is not None
    with log.open("w") as record:
        for line in process.stderr:
            record.write(line)
            if line.strip():
                say(line.strip())
    output = process.stdout.read()
    if process.wait() != 0:
        tail = log.read_text().strip().splitlines()[-1:] or ["no message"]
        raise PipelineError(f"placard {' '.join(argv)}", process.returncode, f"{tail[0]} The whole log: {log}")
    return dict(json.loads(output.strip().splitlines()[-1]))
