"""Runs in .venv-airflow: a metadata database of its own, and a `placard` that writes down how it was called."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(tempfile.mkdtemp(prefix="airflow-test-"))
CALLS = HOME / "calls"
STAND_IN = HOME / "placard"
STAND_IN.write_text(f'#!/bin/sh\necho "$@" >> {CALLS}\nexit $(cat {HOME}/exit 2>/dev/null || echo 0)\n')
STAND_IN.chmod(0o755)
os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    PLACARD_COMMAND=str(STAND_IN),
)
sys.path.insert(0, str(ROOT / "dags"))
subprocess.run([str(Path(sys.executable).with_name("airflow")), "db", "migrate"], check=True, capture_output=True)
