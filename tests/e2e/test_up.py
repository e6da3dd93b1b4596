"""`placard up`: everything answers, the guard watches, and Ctrl-C ends all of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from pipelines.scheduling.airflow_home import PROGRAM

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(1800)]


def of(home: Path) -> list[psutil.Process]:
    """Whatever runs on this state folder."""
    found = psutil.process_iter(["environ", "cmdline", "status"])
    return [p for p in found if (p.info["environ"] or {}).get("PLACARD_HOME", "") == str(home) and p.info["status"] != "zombie"]


def test_everything_answers_the_guard_watches_and_all_ends(tmp_path: Path, placard: Path) -> None:
    if not PROGRAM.exists():
        pytest.skip("there is no .venv-airflow: run `make install`")
    home = tmp_path / "placard"
    argv = [str(placard), "up", "--airflow-port", "0", "--mlflow-port", "0", "--paused", "--json"]
    environment = {**os.environ, "PLACARD_HOME": str(home), "PLACARD_PORT": "0", "PLACARD_CONSENT_WHEN_ABSENT": "refused"}
    heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # who runs in the background may ignore Ctrl-C
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=heard) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        try:
            for name, path in {"api": "/healthz", "mlflow": "/health"}.items():
                assert urlopen(said["urls"][name] + path, timeout=120).status == 200
            watching = [p for p in of(home) if {"guard", "--watch"} <= set(p.info["cmdline"] or [])]
            assert len(watching) == len(said["guard_logs"]) == 2
            deadline = time.monotonic() + 300
            for head, log in zip(("click", "conversion"), map(Path, said["guard_logs"]), strict=True):
                while f"watching {head}" not in log.read_text() and time.monotonic() < deadline:
                    time.sleep(0.2)
                assert f"watching {head}" in log.read_text()
            assert all(p.is_running() for p in watching)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0
    assert of(home) == [], "nothing is left running"
