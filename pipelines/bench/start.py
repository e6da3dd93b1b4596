"""`bench start`: what the command itself costs, in seconds of processor time, beside the bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from feature_repo.home import Home
from pipelines.errors import PipelineError
from pipelines.operations.verb import COMMAND
from pipelines.reporting.figure import Figure, report
from serving.settings import child_environment

COMMANDS: Final[dict[str, tuple[tuple[str, ...], float | None, tuple[int, ...]]]] = {
    "python": ((sys.executable, "-c", "pass"), None, (0,)),
    "help": ((COMMAND, "--help"), 0.25, (0,)),
    "version": ((COMMAND, "--version"), None, (0,)),
    "verb_help": ((COMMAND, "train", "--help"), None, (0,)),
    "registry_list": ((COMMAND, "registry", "list"), 1.5, (0,)),
    "doctor": ((COMMAND, "doctor"), 4.0, (0, 4)),
}
"""Figure → the command line, the most CPU-seconds that it is to take, and the exit statuses that mean it did its work."""


def run(home: Home, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """The bench's one object: the least of some rounds of each command, user and system time of the process and what it started. The least,
    since another's load on the same core only ever adds."""
    figures = []
    for name, (argv, most, fine) in COMMANDS.items():
        say(f"measuring {name}, {rounds} times")
        least = min(cpu_seconds(argv, home, fine) for _ in range(rounds))
        figures.append(Figure(f"{name}_cpu", least, "s", f"≤ {most:g}" if most else None, least <= most if most else None))
    return report("start", {"rounds": rounds, "home": str(home.root)}, figures)


def cpu_seconds(argv: Sequence[str], home: Home, fine: Sequence[int] = (0,)) -> float:
    """User and system time of a command and of the processes that it waited for. Raises PipelineError when it fails."""
    environment = child_environment(PLACARD_HOME=str(home.root))
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in fine:
        raise PipelineError(" ".join(argv), process.returncode, "Run it by itself to read its message.")
    return used.ru_utime + used.ru_stime


def as_text(result: dict[str, Any]) -> list[str]:
    """A line a figure."""
    marks = {True: "[green]ok[/]", False: "[red]no[/]", None: "  "}
    return [f"{marks[f['holds']]} {f['name']:18} {f['value']:6.2f} {f['unit']}  {f['target'] or ''}" for f in result["figures"]]
