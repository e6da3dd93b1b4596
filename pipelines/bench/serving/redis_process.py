"""A redis-server of a bench's own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipelines.errors import Missing
from pipelines.scheduling.airflow_home import free_port, listens

START_SECONDS: Final = 60.0


@contextmanager
def redis_process(folder: Path) -> Iterator[str]:
    """Its address, until the end of the block; it keeps nothing. Raises Missing where none is installed, or it does not start."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise Missing("redis-server", "PATH", "Install it: `apt-get install redis-server`.")
    port, until = free_port(), time.monotonic() + START_SECONDS
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise Missing("redis-server", binary, "It does not start; run it by hand and see why.")
                time.sleep(0.02)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
