"""What we start ends with us, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines.errors import PipelineError
from pipelines.operations.processes import Processes

FOREVER = "import time; time.sleep(600)"
PATIENT = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('{0}', 'w').write('on'); time.sleep(600)"


def wait_until(path: Path) -> str:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise TimeoutError(str(path))


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def child_in_its_own_session(pid_file: Path) -> str:
    """A program that starts another in a session of its own, as Airflow does with a task, and waits."""
    return (
        f"import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', {FOREVER!r}], start_new_session=True); "
        f"open({str(pid_file)!r}, 'w').write(str(c.pid)); time.sleep(600)"
    )


def test_leaving_ends_a_grandchild_in_a_session_of_its_own(tmp_path: Path) -> None:
    with Processes(tmp_path / "run") as processes:
        processes.start("parent", [sys.executable, "-c", child_in_its_own_session(tmp_path / "pid")], os.environ)
        child = int(wait_until(tmp_path / "pid"))
        assert lives(child)
    assert not lives(child)


def test_leaving_ends_an_orphan(tmp_path: Path) -> None:
    """Its parent is gone, so only the mark in its environment tells that it is ours."""
    with Processes(tmp_path / "run") as processes:
        processes.start("parent", [sys.executable, "-c", child_in_its_own_session(tmp_path / "pid")], os.environ)
        orphan = int(wait_until(tmp_path / "pid"))
        parent = psutil.Process(orphan).ppid()
        os.kill(parent, signal.SIGKILL)
        while lives(parent):
            time.sleep(0.02)
        assert lives(orphan)
    assert not lives(orphan)


def test_who_does_not_listen_is_made_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.operations.waiting.GRACE_SECONDS", 0.5)
    before = set(psutil.Process().children())
    with Processes(tmp_path / "run") as processes:
        processes.start("patient", [sys.executable, "-c", PATIENT.format(tmp_path / "on")], os.environ)
        wait_until(tmp_path / "on")
        (child,) = set(psutil.Process().children()) - before
    assert not lives(child.pid)


def test_a_bystander_stays(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", FOREVER])
    try:
        with Processes(tmp_path / "run") as processes:
            processes.start("ours", [sys.executable, "-c", FOREVER], os.environ)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_an_error_inside_ends_all_too(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    with pytest.raises(ZeroDivisionError), Processes(tmp_path / "run") as processes:
        processes.start("ours", [sys.executable, "-c", FOREVER], os.environ)
        (child,) = set(psutil.Process().children()) - before
        raise ZeroDivisionError
    assert not lives(child.pid)


def test_a_program_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    with Processes(tmp_path / "run") as processes:
        processes.start("brittle", [sys.executable, "-c", "raise SystemExit('port 8090 is taken')"], os.environ)
        with pytest.raises(PipelineError) as failure:
            while True:
                processes.check()
                time.sleep(0.02)
    assert failure.value.thing == "brittle"
    assert "status 1" in str(failure.value.value)
    assert "port 8090 is taken" in failure.value.fix


LAUNCHER = """
import os, sys, time
from pathlib import Path
from pipelines.operations.processes import Processes
with Processes(Path(sys.argv[1])) as processes:
    processes.start("ours", [sys.executable, "-c", "import time; time.sleep(600)"], os.environ)
    Path(sys.argv[2]).write_text(str(processes._running["ours"].pid))
    time.sleep(600)
"""


def launched(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(folder / "run"), str(folder / "pid")])
    return launcher, int(wait_until(folder / "pid"))


def test_a_terminated_launcher_takes_all_with_it(tmp_path: Path) -> None:
    launcher, child = launched(tmp_path)
    launcher.terminate()
    assert launcher.wait(300) == 128 + signal.SIGTERM
    assert not lives(child)


def test_what_a_killed_launcher_left_is_ended_by_the_next(tmp_path: Path) -> None:
    launcher, child = launched(tmp_path)
    launcher.kill()
    launcher.wait()
    assert lives(child)
    with Processes(tmp_path / "run"):
        assert not lives(child)


def test_one_launcher_a_folder(tmp_path: Path) -> None:
    launcher, child = launched(tmp_path)
    try:
        with pytest.raises(PipelineError) as failure, Processes(tmp_path / "run"):
            pass
        assert str(launcher.pid) in failure.value.fix
        assert lives(child)
    finally:
        launcher.terminate()
        launcher.wait(300)
