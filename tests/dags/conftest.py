"""Runs in .venv-airflow: a metadata database of its own, and a `placard` that writes down how it was called."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).resolve().parents[2] / "dags"
HOME = Path(tempfile.mkdtemp(prefix="airflow-test-"))
"""Airflow reads its environment when it is imported, so this cannot wait for a fixture."""
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(DAGS),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    PLACARD_COMMAND=str(HOME / "placard"),
    AIRFLOW_VAR_PLACARD="{}",
)
sys.path.insert(0, str(DAGS))


@dataclass(frozen=True)
class StandIn:
    """The recording `placard`."""

    folder: Path

    def fails(self, words: str, status: int) -> None:
        """A call that contains `words` ends with `status` from now on."""
        (self.folder / "words").write_text(words)
        (self.folder / "status").write_text(str(status))

    @property
    def calls(self) -> list[str]:
        """The arguments of each call, in order."""
        record = self.folder / "calls"
        return record.read_text().splitlines() if record.exists() else []


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    program = HOME / "placard"
    program.write_text(
        f'#!/bin/sh\ncd {HOME}\necho "$*" >> calls\n'
        'if [ -e words ] && case "$*" in *"$(cat words)"*) true;; *) false;; esac; then exit "$(cat status)"; fi\n'
    )
    program.chmod(0o755)
    yield StandIn(HOME)
    for name in ("calls", "words", "status"):
        (HOME / name).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def database() -> None:
    """Migrated."""
    subprocess.run([str(Path(sys.executable).with_name("airflow")), "db", "migrate"], check=True, capture_output=True)


@pytest.fixture
def bag(database: None) -> DagBag:
    """Every DAG, read afresh: a test run leaves its configuration in the DAG's params."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS))
