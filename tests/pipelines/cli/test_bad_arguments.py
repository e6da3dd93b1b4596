"""What a person writes wrong is told before any work: no process, no database, no file in the state folder."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines.__main__ import app
from serving.http import server

WRONG = [
    # verb and arguments; what the message must hold; exit status
    ("simulate --days 0", "--days", 2),
    ("simulate --days 999999", "--days", 2),
    ("simulate --start soon", "YYYY-MM-DD", 2),
    ("simulate --users 1", "--users", 2),
    ("simulate --creatives -5", "--creatives", 2),
    ("simulate --impressions 3", "--impressions", 2),
    ("simulate --seed -1", "--seed", 2),
    ("simulate --partition 2026-02-30", "2026-02-30", 2),
    ("simulate --partition 2026-01-31 --users 100", "leave these out", 2),
    ("simulate --partition 2026-01-31 --closed-loop", "leave these out", 2),
    ("simulate --closed-loop --exploration sometimes", "on, off, both", 2),
    ("simulate --closed-loop --warm-days 1", "--warm-days", 2),
    ("ingest criteo x.csv", "Known: talkingdata", 2),
    ("ingest talkingdat x.csv", "Did you mean talkingdata", 2),
    ("ingest talkingdata", "PATH", 2),
    ("ingest talkingdata /nowhere.csv", "/nowhere.csv", 2),
    ("ingest day --partition yesterday", "YYYY-MM-DD", 2),
    ("ingest serving", "--partition", 2),
    ("features build --partition 2026-13-01", "2026-13-01", 2),
    ("features build --partition 2026-01-31 --table user_profil", "Did you mean user_profile", 2),
    ("features validate --partition 2026-01-31 --table nothing", "Known: user_profile", 2),
    ("features publish", "--partition", 2),
    ("eventlog export", "--partition", 2),
    ("eventlog export --partition soon", "YYYY-MM-DD", 2),
    ("eventlog trim --days 3", "No such option", 2),
    ("campaigns pause", "CAMPAIGN", 2),
    ("campaigns stop k1", "No such command", 2),
    ("features history --from 2026-01-31 --to 2026-01-01", "2026-01-01", 2),
    ("features history --from 1026-01-31 --to 2026-01-01", "no more than", 2),
    ("language train --partition 2026-01-31 --alias champio", "Did you mean champion", 2),
    ("train --partition 2026-01-31 --ranker xgbost", "Did you mean xgboost", 2),
    ("train --partition 2026-01-31 --ranker oracle", "Known: logistic", 2),
    ("train --partition 2026-01-31 --head clik", "Did you mean click", 2),
    ("train --partition 2026-01-31 --step nothing", "dataset, fit, all", 2),
    ("train --partition 2026-01-31 --test-share 0.9", "0.05 to 0.5", 2),
    ("train --partition 2026-01-31 --test-share nan", "finite", 2),
    ("train --partition 2026-01-31 --ranker lightgbm", "make train-env", 3),
    ("train --partition 2026-01-31 --ranker deep_ensemble", "make train-env", 3),
    ("tune --partition 2026-01-31 --ranker xgbost", "Did you mean xgboost", 2),
    ("tune --partition 2026-01-31 --head both", "Known: click", 2),
    ("tune --partition 2026-01-31 --trials 0", "--trials", 2),
    ("evaluate --partition 2026-01-31 --ranker xgbost", "Did you mean xgboost", 2),
    ("evaluate --partition 2026-01-31 --head clik", "Did you mean click", 2),
    ("ope /nowhere --target uniform", "/nowhere", 2),
    ("ope . --target fairest", "best-item", 2),
    ("ope . --target ranked --learn-share 1", "between 0 and 1", 2),
    ("ope . --target ranked --clip 0.5", "--clip", 2),
    ("ope --target uniform", "--served", 2),
    ("ope --served --target uniform", "--partition", 2),
    ("ope --served --target uniform --partition 2026-01-31 --days 0", "--days", 2),
    ("gate --partition 2026-01-31 --head clik", "Did you mean click", 2),
    ("gate --partition 2026-01-31 --ranker xgbost", "Did you mean xgboost", 2),
    ("registry register --partition 2026-01-31 --alias champion", "placard promote", 2),
    ("registry register --partition 2026-01-31 --ranker xgbost", "Did you mean xgboost", 2),
    ("registry history clik", "Did you mean click", 2),
    ("registry history --at soon", "2026-01-18T14:00", 2),
    ("registry alias click 2 champion", "placard promote", 2),
    ("registry alias clik 2 fast", "Did you mean click", 2),
    ("registry refuse clik 2 --why x", "Did you mean click", 2),
    ("registry refuse click 2", "--why", 2),
    ("registry admit langage 2 --why x", "Did you mean language", 2),
    ("promote clik", "Did you mean click", 2),
    ("promote click --partition soon", "YYYY-MM-DD", 2),
    ("rollback encodr", "Did you mean encoder", 2),
    ("shadow report --partition soon", "YYYY-MM-DD", 2),
    ("shadow decide --partition 2026-01-31 --days 0", "--days", 2),
    ("quality drift --partition 2026-01-31 --against soon", "YYYY-MM-DD", 2),
    ("quality calibration --partition 2026-01-31 --days 0", "--days", 2),
    ("quality skew --partition 2026-01-31 --sample 0", "--sample", 2),
    ("guard --head clik", "Did you mean click", 2),
    ("guard --watch inf", "finite", 2),
    ("guard --watch -1", "0 to 86400", 2),
    ("guard --minutes 0", "--minutes", 2),
    ("guard --settle nan", "finite", 2),
    ("guard --watch 5 --partition 2026-01-31", "--watch", 2),
    ("serve --port 99999", "--port", 2),
    ("serve --port -7", "--port", 2),
    ("serve --workers 0", "--workers", 2),
    ("serve --ready-file /nowhere/at/all", "/nowhere/at/all", 2),
    ("explain shoes --device fridge", "Known: unknown, mobile", 2),
    ("explain shoes --at soon", "2026-01-18T14:00", 2),
    ("explain shoes --slots 0", "--slots", 2),
    ("bench serve --requests 1", "--requests", 2),
    ("bench search --requests 1", "--requests", 2),
    ("bench features --rounds 0", "--rounds", 2),
    ("bench start --rounds 0", "--rounds", 2),
    ("bench ope --explored 1.5", "0 to 1", 2),
    ("bench ope --seeds 201,7", "chosen on the markets", 2),
    ("bench search --seeds 101", "report on others", 2),
    ("bench rankers --seeds 201,x", "Write whole numbers", 2),
    ("bench ope --candidates 1", "--candidates", 2),
    ("bench rankers --data criteo", "Known: simulator", 2),
    ("bench rankers --data talkingdata --talkingdata /nowhere.csv", "/nowhere.csv", 4),
    ("bench rankers --head clik", "Did you mean click", 2),
    ("bench rankers --report /nowhere/page.html", "/nowhere/page.html", 2),
    ("bench recall --partition soon", "YYYY-MM-DD", 2),
    ("demo --users 1", "--users", 2),
    ("demo --creatives 1", "--creatives", 2),
    ("demo --impressions 200", "--impressions", 2),
    ("up --airflow-port 99999", "--airflow-port", 2),
    ("up --mlflow-port -1", "--mlflow-port", 2),
    ("simulat", "Did you mean 'simulate'", 2),
    ("train --partitio 2026-01-31", "--partition", 2),
]


class Work(BaseException):
    """Something was begun."""


def begun(*_: object, **__: object) -> None:
    raise Work


@pytest.fixture(autouse=True)
def nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process, a database or a server that is started fails the test; a file in the state folder is looked for afterwards."""
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PLACARD_TRAIN_COMMAND", str(tmp_path / "absent"))
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, package=None: None if name in ("torch", "lightgbm", "optuna") else object()
    )
    monkeypatch.setattr("pipelines.training.fit.find_spec", lambda name: None)
    for owner, name in ((subprocess, "Popen"), (sqlite3, "connect"), (duckdb, "connect"), (server, "run")):
        monkeypatch.setattr(owner, name, begun)


@pytest.mark.parametrize(("words", "said", "status"), WRONG, ids=[words for words, _, _ in WRONG])
def test_it_is_named_before_any_work(words: str, said: str, status: int, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == status, result.output
    assert said in result.stderr and "Traceback" not in result.stderr
    assert result.stdout == "" and not (tmp_path / "home").exists()
