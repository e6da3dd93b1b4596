"""The environment that Airflow gets, and the few things about DAGs that only the platform's side can check."""

from __future__ import annotations

import ast
import json
import re
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.__main__ import app
from pipelines.errors import Missing, PipelineError
from pipelines.scheduling import airflow_home
from pipelines.scheduling.airflow_home import AirflowHome, free_port, prepare
from pipelines.scheduling.dags_folder import DAGS
from pipelines.scheduling.scheduler import _words


def test_every_port_and_path_is_ours_and_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/somewhere/else")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://elsewhere:8080/execution/")
    airflow = AirflowHome(tmp_path / "airflow", tmp_path, 18090, {"PLACARD_COMMAND": "/bin/true"})
    found = airflow.environment
    assert found["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert found["AIRFLOW__API__PORT"] == "18090"
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:18090/execution/"
    assert found["AIRFLOW__CORE__PARALLELISM"] == "2"
    assert found["PLACARD_HOME"] == str(tmp_path)
    assert found["PLACARD_COMMAND"] == "/bin/true"
    assert "--skip-serve-logs" in airflow.programs["scheduler"], "the log server would listen on every interface"


def test_a_busy_database_is_waited_for(tmp_path: Path) -> None:
    found = AirflowHome(tmp_path / "airflow", tmp_path, 18090).environment
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{tmp_path}/airflow/airflow.db?timeout=300"


def test_what_the_caller_chose_about_the_dags_reaches_them_beside_the_platforms_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow = AirflowHome(tmp_path / "airflow", tmp_path, 18090, links={"mlflow": "http://127.0.0.1:5000"})
    said = {"owner": "ads", "dag_prefix": "ads_", "links": {"reports": "https://reports.example"}}
    monkeypatch.setenv("AIRFLOW_VAR_PLACARD", json.dumps(said))
    assert json.loads(airflow.environment["AIRFLOW_VAR_PLACARD"]) == {
        "owner": "ads",
        "dag_prefix": "",
        "links": {"mlflow": "http://127.0.0.1:5000", "reports": "https://reports.example"},
    }
    monkeypatch.setenv("AIRFLOW_VAR_PLACARD", "owner=ads")
    with pytest.raises(PipelineError, match="AIRFLOW_VAR_PLACARD"):
        _ = airflow.environment


def test_without_airflow_the_fix_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_home, "PROGRAM", Path("/nowhere/airflow"))
    with pytest.raises(Missing, match="make install"):
        prepare(home)


@pytest.fixture
def migrating(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An Airflow that writes into the database that it is given, and then fails where this file holds a number above 0."""
    program, status = tmp_path / "airflow", tmp_path / "status"
    written = 'file="${AIRFLOW__DATABASE__SQL_ALCHEMY_CONN#sqlite:///}"; echo migrated >> "${file%%\\?*}"'
    program.write_text(f"#!/bin/sh\n{written}\nexit $(cat {status})\n")
    program.chmod(0o755)
    status.write_text("0")
    monkeypatch.setattr(airflow_home, "PROGRAM", program)
    return status


def test_a_migration_that_is_cut_short_leaves_no_database(home: Home, migrating: Path) -> None:
    migrating.write_text("137")
    with pytest.raises(PipelineError, match="Airflow's database"):
        prepare(home)
    assert [p.name for p in (home.root / "airflow").iterdir()] == ["passwords.json"]
    migrating.write_text("0")
    assert prepare(home).database.read_text() == "migrated\n"
    assert prepare(home).database.read_text() == "migrated\nmigrated\n", "one that is there is upgraded in its place"


@pytest.mark.usefixtures("migrating")
def test_the_password_is_made_once_and_is_for_its_owner_alone(home: Home) -> None:
    first, second = prepare(home), prepare(home)
    assert len(first.password) >= 12
    assert first.password == second.password
    assert stat.S_IMODE(first.passwords.stat().st_mode) == 0o600


def test_a_port_that_is_taken_gives_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wished = taken.getsockname()[1]
        assert free_port(wished) != wished


def literal(file: str, name: str) -> tuple[str, ...]:
    for node in ast.parse((DAGS / file).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return tuple(ast.literal_eval(node.value))
    raise AssertionError(f"{file} has no {name}")


def test_features_daily_builds_every_table() -> None:
    """A new table fails here until the DAG has a task for it. Embeddings come two at a time."""
    assert {*literal("features_daily.py", "BUILDS"), "ad_embedding"} == {table.name for table in TABLES}


def verbs() -> list[str]:
    return [words for path in sorted(DAGS.glob("*_daily.py")) for words in re.findall(r'verb\(f?"([^"]+)"\)', path.read_text())]


@pytest.mark.parametrize("words", verbs())
def test_every_verb_that_a_dag_calls_exists_with_its_options(words: str) -> None:
    command: Any = get_command(app)
    parts = re.sub(r"\{+ ?[^}]*\}+", "--head click --ranker xgboost" if "candidate" in words else "1", words).split()
    context: Any = None
    while hasattr(command, "commands"):
        context = command.make_context(command.name, [], parent=context, resilient_parsing=True)
        command = command.get_command(context, parts.pop(0))
    options = {option for parameter in command.params for option in parameter.opts}
    used = {part for part in parts if part.startswith("--")} | {"--partition"}
    assert used <= options


def test_there_are_verbs_to_check() -> None:
    assert len(verbs()) == 21


def test_a_failure_is_told_in_the_verbs_own_words() -> None:
    log = ["::group::Execute", "Running command: [...]", "Output:", "partition: 'x'. Write a day.", "Command exited with return code 2"]
    assert _words(log) == "partition: 'x'. Write a day."
    assert _words(["Executor reports that the task was killed"]) == "Executor reports that the task was killed"
