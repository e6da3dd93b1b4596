"""Runs test suites side by side: the main one, whose output is shown as it comes, and the others, one after the other beside it, whose
output is shown whole when the main one has ended. Ends with the closing line of each, the lines that say why one failed, and with status
1 when any failed.

Run as: python tests/suites.py NAME COMMAND [NAME COMMAND ...], the main suite first; a COMMAND is one argument, split as a shell
splits words. "{PYTEST}" in it stands for the words of the environment's PYTEST, as in `make test PYTEST="-k auction"`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from dataclasses import dataclass, field

NO_TESTS = 5
"""pytest's status when nothing was selected: no failure of one suite when PYTEST selects tests of another."""


@dataclass
class Suite:
    """A named command; what it said and its status, once it has run."""

    name: str
    command: list[str]
    said: bytearray = field(default_factory=bytearray)
    status: int | None = None

    def run(self, show: bool) -> None:
        """Runs the command to its end; show: pass on what it says at once. A command that cannot be started has failed."""
        try:
            process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except OSError as error:
            self.said, self.status = bytearray(f"{error}\n".encode()), 127
            return
        with process:
            assert process.stdout is not None
            while some := os.read(process.stdout.fileno(), 1 << 16):
                self.said += some
                if show:
                    _write(some)
        self.status = process.returncode

    @property
    def closing(self) -> str:
        """Its last line, or that it never came to an end."""
        lines = self.said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    @property
    def why(self) -> list[str]:
        """What of its lines says why it failed; nothing of a suite that passed."""
        if self.status == 0:
            return []
        lines = self.said.decode(errors="replace").splitlines()
        return [line for line in lines if line.startswith(("FAILED ", "ERROR ", "TOO LONG: "))] + [f"ended with status {self.status}"]


def _write(some: bytes) -> None:
    sys.stdout.buffer.write(some)
    sys.stdout.buffer.flush()


def together(suites: list[Suite], narrowed: bool) -> int:
    """Runs them all; returns 0 when every one passed. narrowed: whether only some tests were asked for."""
    main, others = suites[0], suites[1:]

    def beside() -> None:
        for suite in others:
            suite.run(show=False)

    lane = threading.Thread(target=beside)
    lane.start()
    try:
        main.run(show=True)
    finally:
        lane.join()
    for suite in others:
        _write(f"\n{suite.name}: {shlex.join(suite.command)}\n".encode() + bytes(suite.said))
    _write(b"\n" + b"".join(f"{s.name}: {s.closing}\n".encode() for s in suites))
    ran = [s for s in suites if not (narrowed and s.status == NO_TESTS)]
    _write(b"".join(f"{s.name}: {line}\n".encode() for s in ran for line in s.why))
    return 0 if ran and all(s.status == 0 for s in ran) else 1


def suites_of(words: list[str], pytest_words: list[str]) -> list[Suite]:
    """From NAME COMMAND pairs."""
    found = []
    for name, command in zip(words[::2], words[1::2], strict=True):
        split = [[*pytest_words] if word == "{PYTEST}" else [word] for word in shlex.split(command)]
        found.append(Suite(name, [word for some in split for word in some]))
    return found


if __name__ == "__main__":
    asked = shlex.split(os.environ.get("PYTEST", ""))
    sys.exit(together(suites_of(sys.argv[1:], asked), narrowed=bool(asked)))
