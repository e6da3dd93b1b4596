"""`bench start` measures the commands as processes of their own."""

from __future__ import annotations

import json
import sys

import pytest

from feature_repo.home import Home
from pipelines.bench import start
from pipelines.errors import PipelineError


def test_the_time_is_that_of_the_process_and_what_it_started(home: Home) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}], check=True)"
    asleep = "import time; time.sleep(0.5)"
    assert start.cpu_seconds([sys.executable, "-c", nested], home) >= 0.3
    assert start.cpu_seconds([sys.executable, "-c", asleep], home) < start.cpu_seconds([sys.executable, "-c", nested], home)


def test_one_object_with_the_aims(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    python = start.COMMANDS["python"]
    monkeypatch.setattr(start, "COMMANDS", {"python": python, "help": (python[0], 1e9, (0,)), "slow": (python[0], 1e-9, (0,))})
    result = json.loads(json.dumps(start.run(home, 1, said.append)))
    assert result["name"] == "start" and result["setup"]["rounds"] == 1 and len(said) == 3
    assert [(f["name"], f["unit"], f["target"], f["holds"]) for f in result["figures"]] == [
        ("python_cpu", "s", None, None), ("help_cpu", "s", "≤ 1e+09", True), ("slow_cpu", "s", "≤ 1e-09", False)
    ]  # fmt: skip
    assert len(start.as_text(result)) == 3


def test_a_command_that_fails_is_no_measurement(home: Home) -> None:
    with pytest.raises(PipelineError, match="Run it by itself"):
        start.cpu_seconds([sys.executable, "-c", "raise SystemExit(7)"], home)
    assert start.cpu_seconds([sys.executable, "-c", "raise SystemExit(4)"], home, (0, 4)) > 0
