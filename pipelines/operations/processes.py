"""Long-lived programs that we start together and end together, with everything they started in turn.

Airflow gives each task a session of its own, so ending a process group leaves a running verb behind. Descendants are found through
the process tree and through a mark in the environment, which an orphan keeps; only what carries one or the other is ever signalled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

import psutil

from feature_repo.whole_file import write_whole
from pipelines.errors import PipelineError
from pipelines.operations import waiting
from pipelines.operations.waiting import refuse_ended, stop

MARK: Final = "PLACARD_STARTED_BY"
"""Environment variable that every descendant inherits. (A process that rewrites its title loses it: the tree finds that one.)"""


class Processes:
    """A context manager; leaving it, in any way but kill -9, ends all. What a killed one left is ended by the next on the folder.

    folder: each program's output (<name>.log) and the record of what runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._record = folder, folder / "running.json"
        self._mark = uuid.uuid4().hex
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._end_leftovers()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                self._handlers[number] = signal.signal(number, _leave)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            end([p.pid for p in self._running.values()], self._mark)
            for process in self._running.values():
                stop(process)
            self._record.unlink(missing_ok=True)
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> None:
        """Starts a program whose output goes to its log."""
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd, env={**environment, MARK: self._mark},
                start_new_session=True,
            )  # fmt: skip
        started = {p.pid: psutil.Process(p.pid).create_time() for p in self._running.values() if p.poll() is None}
        owner = {"pid": os.getpid(), "since": psutil.Process().create_time()}
        write_whole(self._record, json.dumps({"owner": owner, "mark": self._mark, "started": started}), synced=False)

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def check(self) -> None:
        """Raises PipelineError with its last words when a program has ended by itself."""
        for name, process in self._running.items():
            refuse_ended(name, process, self.log(name))

    def _end_leftovers(self) -> None:
        if not self._record.exists():
            return
        found = json.loads(self._record.read_text())
        if _lives(found["owner"]["pid"], found["owner"]["since"]):
            pid = found["owner"]["pid"]
            raise PipelineError("state folder", str(self._folder), f"Process {pid} runs there already; end that one first.")
        end([int(pid) for pid, since in found["started"].items() if _lives(int(pid), since)], found["mark"])
        self._record.unlink(missing_ok=True)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _lives(pid: int, since: float) -> bool:
    """Whether the very process that started then still runs: the number alone may have been given to another."""
    try:
        process = psutil.Process(pid)
        return bool(abs(process.create_time() - since) < 1 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _marked(mark: str) -> list[psutil.Process]:
    """What may not be read (another user's, or gone) has no environment here."""
    return [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get(MARK) == mark]


def family(roots: Sequence[int], mark: str) -> list[psutil.Process]:
    """The processes, their descendants, and orphans that carry the mark."""
    found = {p.pid: p for p in _marked(mark)}
    for root in roots:
        try:
            process = psutil.Process(root)
            found.update({p.pid: p for p in (process, *process.children(recursive=True))})
        except psutil.NoSuchProcess:
            continue
    found.pop(os.getpid(), None)
    return list(found.values())


def end(roots: Sequence[int], mark: str) -> None:
    """Asks all to end, waits, and ends what is left; twice over, for what started in between."""
    deadline = time.monotonic() + waiting.GRACE_SECONDS
    everyone = {p.pid: p for p in family(roots, mark)}
    for process in everyone.values():
        _signal(process, signal.SIGTERM)
    while time.monotonic() < deadline:
        everyone.update({p.pid: p for p in family(roots, mark) if p.pid not in everyone})
        if not psutil.wait_procs(list(everyone.values()), timeout=0.2)[1]:
            return
    for _ in range(2):
        left = {**everyone, **{p.pid: p for p in family(roots, mark)}}
        for process in left.values():
            _signal(process, signal.SIGKILL)
        psutil.wait_procs(list(left.values()), timeout=waiting.GRACE_SECONDS)


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # gone, or another user's by now
        return
