from __future__ import annotations

import os
import shlex
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from feature_repo.feast_store import open_store, register_views
from feature_repo.private_files import open_to_others
from pipelines.operations import doctor, doctor_stores
from serving.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home_path=tmp_path / "home", port=0)


def test_a_fresh_platform_has_nothing_bad_and_says_what_to_run_first(settings: Settings) -> None:
    checks = {c.name: c for c in (*doctor.examine(settings), *doctor_stores.examine_stores(settings))}
    assert [c.name for c in checks.values() if c.verdict == "bad"] == []
    assert "features history" in checks["features"].fix
    assert "train" in checks["mlflow"].fix


def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        check = doctor.port(Settings(home_path=tmp_path, port=taken))
    assert check.verdict == "warn"
    assert str(taken) in check.seen
    assert "PLACARD_PORT" in check.fix


def test_a_state_folder_that_cannot_be_made_is_bad(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check = doctor.state_folder(Settings(home_path=tmp_path / "file" / "home"))
    assert check.verdict == "bad"
    assert "PLACARD_HOME" in check.fix


def test_files_that_others_can_read_are_named_with_what_mends_them(settings: Settings) -> None:
    root = settings.home.root
    root.mkdir(mode=0o700)
    assert doctor.private_files(settings).verdict == "ok"
    for name in ("a", "b", "c", "d"):
        (root / name).write_text("")
        (root / name).chmod(0o640 if name == "a" else 0o644)
    (root / "e").write_text("")
    (root / "e").chmod(0o600)
    check = doctor.private_files(settings)
    assert check.verdict == "warn" and "home/a, home/b, home/c and 1 more" in check.seen
    subprocess.run(shlex.split(check.fix.split("`")[1]), check=True)
    assert doctor.private_files(settings).verdict == "ok" and (root / "a").read_text() == ""


def test_what_a_verb_writes_is_its_users_alone(placard: Path, tmp_path: Path) -> None:
    """Started by an account whose files everybody may read, as most are."""
    root = tmp_path / "home"
    environment = os.environ | {"PLACARD_HOME": str(root)}
    small = ["simulate", "--days", "1", "--users", "100", "--creatives", "50", "--impressions", "2000"]
    subprocess.run([placard, *small], env=environment, umask=0o022, check=True, capture_output=True, timeout=600)
    subprocess.run([placard, "campaigns", "pause", "k00000001"], env=environment, umask=0o022, check=True, capture_output=True, timeout=600)
    made = list(root.rglob("*"))
    assert {path.suffix for path in made} >= {".parquet", ".db"} and list(open_to_others(root)) == []


def test_a_broken_registry_is_bad(settings: Settings) -> None:
    settings.home.mlflow.mkdir(parents=True)
    (settings.home.mlflow / "mlflow.db").write_bytes(b"not a database at all, not even close to one")
    assert doctor.mlflow(settings).verdict == "bad"
    sqlite3.connect(settings.home.mlflow / "mlflow.db").close()


def test_an_unreachable_redis_is_bad_only_when_clustered(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"redis://127.0.0.1:{port}/0"
    assert doctor_stores.redis(Settings(home_path=tmp_path, redis_url=url)).verdict == "ok"
    check = doctor_stores.redis(Settings(home_path=tmp_path, profile="cluster", redis_url=url))
    assert check.verdict == "bad"
    assert "PLACARD_REDIS_URL" in check.fix


def test_a_package_off_its_lock_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = {**doctor._locked(), "duckdb": "0.0.1"}
    monkeypatch.setattr(doctor, "_locked", lambda: locked)
    check = doctor.packages(settings)
    assert check.verdict == "bad"
    assert "duckdb" in check.seen and "0.0.1" in check.seen


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_feasts_views_are_counted_as_feast_counts_them(settings: Settings) -> None:
    assert doctor_stores.feast(settings).verdict == "warn"
    store = open_store(settings.home)
    register_views(store, settings.home)
    assert doctor_stores.feast(settings).verdict == "ok"
    assert doctor_stores.feast(settings).seen == f"{len(store.list_feature_views())} feature views"
    registry = settings.home.feast / "registry.db"
    registry.write_bytes(registry.read_bytes()[:-7])
    assert doctor_stores.feast(settings).verdict == "bad", "cut short"
    registry.write_bytes(b"not a registry at all, not even close to one")
    assert doctor_stores.feast(settings).verdict == "bad"
