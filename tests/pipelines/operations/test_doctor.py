from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import pytest

from feature_repo.feast_store import open_store, register_views
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
