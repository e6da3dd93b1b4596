"""The DAGs where a wheel lays them: beside no checkout, below the environment whose `placard` they call."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"


def asked(folder: Path) -> dict[str, str]:
    """What the DAGs in `folder` say: the command of a verb, and where tasks run."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "from placard_dags import TASKS, verb; print(verb('ingest day')); print(TASKS['cwd'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    command, cwd = done.stdout.strip().splitlines()[-2:]
    return {"command": command, "cwd": cwd}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """An environment with the DAGs in its site-packages and a `placard` that tells its arguments."""
    folder = tmp_path / "environment" / "lib" / "python3.11" / "site-packages" / "pipelines" / "dags"
    shutil.copytree(DAGS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    program = tmp_path / "environment" / "bin" / "placard"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$0 $* in $PLACARD_HOME"\n')
    program.chmod(0o755)
    return folder


def test_they_call_the_placard_of_their_environment_and_demand_a_state_folder(wheel: Path) -> None:
    said = asked(wheel)
    assert said["cwd"] == "None"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLACARD")} | {"DAY": "2026-01-05"}
    run = ["bash", "-c", said["command"]]
    without = subprocess.run(run, env=kept, capture_output=True, text=True, check=False)
    assert without.returncode == 127 and "PLACARD_HOME" in without.stderr, "a status that is not tried again"
    done = subprocess.run(run, env=kept | {"PLACARD_HOME": "/state"}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{wheel.parents[4] / 'bin' / 'placard'} ingest day --partition 2026-01-05 in /state"


def test_copied_elsewhere_they_call_the_placard_on_the_path(tmp_path: Path) -> None:
    shutil.copytree(DAGS, tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    assert 'exec "${PLACARD_COMMAND:-placard}" ingest day' in asked(tmp_path / "dags")["command"]


def test_a_checkout_runs_its_own_in_itself() -> None:
    said = asked(DAGS)
    assert (
        said["cwd"] == str(DAGS.parent) and f"{DAGS.parent}/.venv/bin/placard" in said["command"] and "PLACARD_HOME" not in said["command"]
    )
