"""MLflow's database is made whole or not at all: what a death in the middle of its migration leaves is nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from pipelines.registry import mlflow_store
from pipelines.registry.mlflow_aliases import mlflow_aliases
from serving.settings import Settings

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(1800)]

CUT = """
import sys
from pathlib import Path
from mlflow.store.db import utils
from pipelines.registry import mlflow_store
from serving.settings import Settings

def half_way(engine):
    with engine.connect() as database:
        tables = database.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
    print(tables, file=sys.__stdout__, flush=True)
    sys.stdin.readline()
    raise KeyboardInterrupt

utils._upgrade_db = half_way
with mlflow_store.mlflow_client(Settings(PLACARD_HOME=Path(sys.argv[1]))) as client:
    client.search_registered_models()
"""
"""The first command of a new platform, which says when MLflow's first tables are there, and then waits for what comes."""


@pytest.mark.parametrize("death", ["killed", "Ctrl-C"])
def test_a_death_in_the_middle_of_the_migration_leaves_no_database(tmp_path: Path, death: str) -> None:
    first = [sys.executable, "-c", CUT, str(tmp_path)]
    with subprocess.Popen(first, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        assert int(process.stdout.readline()) > 5, "some of its tables are there, and the migration has not begun"
        if death == "killed":
            os.kill(process.pid, signal.SIGKILL)
        else:
            process.stdin.write("go on\n")
            process.stdin.flush()
        assert process.wait() != 0
    settings = Settings(PLACARD_HOME=tmp_path)
    assert not (settings.home.mlflow / "mlflow.db").exists()
    assert [p.name for p in settings.home.mlflow.glob(".mlflow.db*")] == [] or death == "killed"
    assert mlflow_aliases(settings) == {}, "nothing is registered yet, and that is no error"
    with mlflow_store.mlflow_client(settings) as client:
        assert client.search_registered_models() == []
        client.create_registered_model("click")
    with mlflow_store.mlflow_client(settings) as client:
        assert [m.name for m in client.search_registered_models()] == ["click"]


def test_of_several_first_commands_one_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def upgrade(uri: str) -> None:
        made.append(uri)
        path = mlflow_store.sqlite_path(uri)
        assert path is not None
        sqlite3.connect(path).executescript("CREATE TABLE registered_model_aliases (name, alias, version);")

    monkeypatch.setattr("mlflow.db.upgrade.callback", upgrade)
    settings = Settings(PLACARD_HOME=tmp_path)
    with ThreadPoolExecutor(4) as several:
        list(several.map(mlflow_store.make_database, [settings] * 4))
    assert len(made) == 1 and mlflow_aliases(settings) == {}


def test_another_store_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlflow.db.upgrade.callback", lambda uri: pytest.fail(uri))
    for uri in ("postgresql://host/books", "http://models.example"):
        mlflow_store.make_database(Settings(PLACARD_HOME=tmp_path, mlflow_uri=uri))
    (tmp_path / "mine.db").touch()
    mlflow_store.make_database(Settings(PLACARD_HOME=tmp_path, mlflow_uri=f"sqlite:///{tmp_path / 'mine.db'}"))


FIRST = """
import sys
from pathlib import Path
from pipelines.registry import mlflow_runs
from serving.settings import Settings

settings = Settings(PLACARD_HOME=Path(sys.argv[1]), mlflow_uri=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
mlflow_runs.log_trial(settings, "click", "first", 0, {"depth": 3.0}, {"roc_auc": 0.7})
"""


@pytest.mark.parametrize("store", ["sqlite", "empty sqlite", "postgres"])
def test_two_first_uses_at_once_both_work(tmp_path: Path, store: str, request: pytest.FixtureRequest) -> None:
    """Whoever made the store: MLflow makes its tables when it first opens one that has none."""
    uri = ""
    if store == "postgres":
        server = request.getfixturevalue("postgres_url").rpartition("/")[0]
        with psycopg.connect(f"{server}/postgres".replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE first_uses")
        uri = f"{server}/first_uses"
    if store == "empty sqlite":
        (tmp_path / "mine.db").touch()
        uri = f"sqlite:///{tmp_path / 'mine.db'}"
    first = [sys.executable, "-c", FIRST, str(tmp_path / "home"), uri]
    both = [subprocess.Popen(first, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    said = [process.communicate("go\n")[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    with mlflow_store.mlflow_client(Settings(PLACARD_HOME=tmp_path / "home", mlflow_uri=uri)) as client:
        experiment = client.get_experiment_by_name("click tuning")
        assert experiment is not None and len(client.search_runs([experiment.experiment_id])) == 3, "two trials below one search"
