"""A wait ends on the event or on the death of the process, and stopping hides nothing: told with a server that is slow, dies or is deaf."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from feature_repo.home import Home
from pipelines.errors import PipelineError
from pipelines.operations import api_server, waiting
from pipelines.operations.waiting import refuse_ended, stop, wait_until

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
SERVE = """
import pathlib, signal, sys, time
ready = pathlib.Path(sys.argv[sys.argv.index("--ready-file") + 1])
if {deaf}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if {dies}:
    raise SystemExit("the ledger cannot be opened")
while {slow} and not ready.with_name("go").exists():
    time.sleep(0.01)
part = ready.with_name("part")
part.write_text("http://127.0.0.1:1\\n")
part.rename(ready)
time.sleep(600)
"""


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is still late is named at once and again and again, and the grace is short."""
    monkeypatch.setattr(waiting, "SAY_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "GRACE_SECONDS", 0.3)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **kind: bool) -> None:
    """A `placard` whose only verb is serve, and which is so: slow, until there is a file `go`; deaf to SIGTERM; or dies."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "placard"
    program.write_text(f"#!{sys.executable}\n" + SERVE.format(**{"slow": False, "deaf": False, "dies": False, **kind}))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(api_server, "COMMAND", str(program))


@pytest.mark.usefixtures("serve")
def test_a_slow_server_is_waited_for_and_named(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, slow=True)
    said: list[str] = []

    def say(word: str) -> None:
        said.append(word)
        if len(said) == 3:
            (home.root / "demo" / "go").touch()

    with api_server.server(home, keep=False, say=say) as url:
        assert url == "http://127.0.0.1:1"
    assert said[0] == "waiting for the API" and said[1].startswith("still waiting for the API after ")


@pytest.mark.usefixtures("serve")
def test_a_server_that_dies_is_told_with_its_last_words(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, dies=True)
    with pytest.raises(PipelineError, match="ended with status 1") as failure, api_server.server(home, keep=False, say=lambda word: None):
        pass
    assert "the ledger cannot be opened" in failure.value.fix


@pytest.mark.usefixtures("serve")
def test_the_first_error_is_not_hidden_by_a_server_that_does_not_end(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, deaf=True)
    with pytest.raises(ZeroDivisionError), api_server.server(home, keep=False, say=lambda word: None):
        raise ZeroDivisionError


@pytest.mark.usefixtures("serve")
def test_who_does_not_listen_is_made_to_and_who_has_ended_is_left_alone() -> None:
    deaf = subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    with deaf.stdout as output:
        output.readline()
        stop(deaf)
    assert deaf.returncode == -signal.SIGKILL
    stop(deaf)


def test_parts_are_named_as_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    late = iter([["MLflow", "the API"], ["MLflow"], []])
    said: list[str] = []
    wait_until(lambda: next(late), lambda: None, said.append)
    assert said == ["waiting for MLflow, the API", "waiting for MLflow"]


def test_what_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, "-c", "raise SystemExit('no disk')"], stderr=output, env=dict(os.environ))
    with pytest.raises(PipelineError, match="no disk"):
        wait_until(lambda: ["it"], lambda: refuse_ended("it", process, log), lambda word: None)
