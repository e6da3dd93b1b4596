"""Waiting for what we have started: until it is there, or cannot come any more; never by the clock, which a busy machine outruns."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pipelines.errors import PipelineError

POLL_SECONDS: Final = 0.1
SAY_SECONDS: Final = 30.0
"""After which what is still late is named again."""
GRACE_SECONDS: Final = 30.0
"""Between asking a process to end and ending it."""
LAST_WORDS: Final = 15


def wait_until(late: Callable[[], Sequence[str]], alive: Callable[[], None], say: Callable[[str], None]) -> None:
    """Returns once nothing is late.

    late: names the parts that are not ready. alive: raises when one of them has ended, so that it never will be. say: is told the late
    parts when they change, and every half minute, then with how long it has taken.
    """
    started, told_at, told = time.monotonic(), time.monotonic(), ""
    while parts := late():
        alive()
        named, now = ", ".join(parts), time.monotonic()
        if named != told:
            say(f"waiting for {named}")
        elif now - told_at >= SAY_SECONDS:
            say(f"still waiting for {named} after {now - started:.0f} s.")
        else:
            time.sleep(POLL_SECONDS)
            continue
        told, told_at = named, now


def refuse_ended(name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Raises PipelineError with its last words when a program has ended by itself."""
    if (status := process.poll()) is not None:
        words = log.read_text(errors="replace").splitlines()[-LAST_WORDS:]
        raise PipelineError(name, f"ended with status {status}", "\n".join([f"Its log is {log}.", *words]))


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks a process to end, and ends it when it does not. Raises nothing: what went wrong before is what a person must read."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
