"""A `placard serve` process of our own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from feature_repo.home import Home
from pipelines.errors import PipelineError
from pipelines.operations.verb import COMMAND
from serving.settings import child_environment

SERVER_READY_SECONDS: Final = 60


@contextmanager
def server(home: Home, keep: bool) -> Iterator[str]:
    """A `placard serve` process on a free loopback port; ended on leaving, unless it is to be kept."""
    folder = home.root / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0", "--ready-file", str(ready)],
            stdout=log,
            stderr=log,
            env=child_environment(PLACARD_HOME=str(home.root)),
            start_new_session=keep,
        )
    try:
        deadline = time.monotonic() + SERVER_READY_SECONDS
        while not ready.exists() or not ready.read_text().strip():
            if process.poll() is not None or time.monotonic() > deadline:
                raise PipelineError("placard serve", process.poll(), f"It did not get ready; read {folder / 'serve.log'}.")
            time.sleep(0.1)
        yield ready.read_text().strip()
    finally:
        if not keep:
            process.terminate()
            process.wait(20)
