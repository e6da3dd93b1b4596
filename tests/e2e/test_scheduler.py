"""Airflow's real scheduler, LocalExecutor, SQLite: a day's features start the day's rankers through the asset."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest

from feature_repo.home import Home
from pipelines.features.content import content_hash
from pipelines.scheduling.airflow_home import PROGRAM
from pipelines.scheduling.scheduler import Scheduler, running
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.simulate import simulate
from serving.bundles import aliases

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(1800)]
DAY = date(2026, 1, 18)


@pytest.fixture(scope="module", autouse=True)
def airflow_environment() -> None:
    if not PROGRAM.exists():
        pytest.fail("there is no .venv-airflow: run `make install`") if os.environ.get("PLACARD_TEST_REQUIRE_SERVERS") else pytest.skip(
            "there is no .venv-airflow: run `make install`"
        )


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def processes_of(folder: Path) -> list[psutil.Process]:
    """Whatever still runs with this folder as its AIRFLOW_HOME."""
    found = psutil.process_iter(["environ", "status"])
    return [p for p in found if str(folder) in (p.info["environ"] or {}).get("AIRFLOW_HOME", "") and p.info["status"] != "zombie"]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scheduler, Path]]:
    """A scheduler whose `placard` only writes down its arguments. `refuse` and `hang` in the folder make a verb do so."""
    folder = tmp_path_factory.mktemp("stand-in")
    script = f"""cd {folder}; echo "$*" >> calls
if [ -e refuse ] && [ "$1" = gate ]; then echo "click candidate: 'xgboost'. It was refused." >&2; exit 3; fi
if [ -e hang ] && [ "$1" = ingest ]; then echo $$ > hanging; exec sleep 600; fi"""
    placard = program(folder / "placard", script)
    home = Home(folder / "home")
    with running(home, extra={"PLACARD_COMMAND": str(placard)}) as scheduler:
        yield scheduler, folder
        (folder / "hang").touch()
        scheduler.api.trigger("features_daily", "2026-01-20")
        deadline = time.monotonic() + 300
        while not (folder / "hanging").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
    assert (folder / "hanging").exists(), "leaving in the middle of a task was to be tried"
    assert not psutil.pid_exists(int((folder / "hanging").read_text())), "the running verb ends too"
    assert processes_of(home.root) == []


def calls(folder: Path) -> list[str]:
    lines = (folder / "calls").read_text().splitlines()
    (folder / "calls").unlink()
    return lines


def test_a_days_features_start_rankers_and_quality_with_its_key(stand_in: tuple[Scheduler, Path]) -> None:
    scheduler, folder = stand_in
    done = scheduler.run_day(DAY, following=("rankers_daily", "quality_daily"))
    assert [(run.dag, run.key, run.state) for run in done.runs] == [
        ("features_daily", "2026-01-18", "success"),
        ("rankers_daily", "2026-01-18", "success"),
        ("quality_daily", "2026-01-18", "success"),
    ]
    said = calls(folder)
    assert len(said) == 11 + 10 + 7
    assert {line.rsplit(" --partition ")[1] for line in said} == {"2026-01-18"}
    assert said[0].startswith("ingest day") and said[8].startswith("features publish")


def test_the_same_day_can_run_again_and_so_can_one_years_back(stand_in: tuple[Scheduler, Path]) -> None:
    scheduler, folder = stand_in
    assert scheduler.run_day(DAY).succeeded
    assert scheduler.run_day(date(2017, 11, 7)).succeeded
    assert {line.rsplit(" --partition ")[1] for line in calls(folder)} == {"2026-01-18", "2017-11-07"}


def test_a_refusal_is_final_and_told_in_the_verbs_words(stand_in: tuple[Scheduler, Path]) -> None:
    scheduler, folder = stand_in
    (folder / "refuse").touch()
    done = scheduler.run_day(DAY)
    assert [run.state for run in done.runs] == ["success", "success"], "a refusal is an answer and no failure"
    assert list(scheduler.failures(done)) == []
    assert sorted(scheduler.refusals(done)) == [
        f"rankers_daily.{head}.gate: click candidate: 'xgboost'. It was refused." for head in ("click", "conversion")
    ]
    said = calls(folder)
    assert sum(line.startswith("gate") for line in said) == 2, "one try a head"
    assert not any(line.startswith("registry register") for line in said)
    (folder / "refuse").unlink()


def direct(placard: Path, home: Home, *words: str) -> None:
    """A verb, called by hand."""
    environment = {**os.environ, "PLACARD_HOME": str(home.root)}
    done = subprocess.run([str(placard), *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_real_verbs_from_logs_to_challengers_through_a_kill(tmp_path: Path, placard: Path) -> None:
    """features publish is killed (-9) once in the middle; its second try makes the content that direct calls make elsewhere."""
    home, elsewhere = Home(tmp_path / "placard"), Home(tmp_path / "elsewhere")
    simulate(home, MarketConfig(start="2026-01-11", users=1500, creatives=200, impressions_per_day=20_000, images=False), 8)
    direct(placard, home, "features", "history", "--from", "2026-01-11", "--to", "2026-01-17")
    shutil.copytree(home.root, elsewhere.root)

    script = f"""if [ "$2" = publish ] && ! [ -e {tmp_path}/killed ]; then
  touch {tmp_path}/killed
  {placard} "$@" & sleep 4; kill -9 $!; wait $!; exit 137
fi
exec {placard} "$@\""""
    with running(home, extra={"PLACARD_COMMAND": str(program(tmp_path / "once", script))}) as scheduler:
        done = scheduler.run_day(DAY)
        assert done.succeeded, "\n".join(scheduler.failures(done))
    assert [run.state for run in done.runs] == ["success", "success"]
    tries = {task.task: task.tries for task in done.tasks["features_daily"]}
    assert tries["publish"] == 2 and set(tries.values()) == {1, 2}
    assert processes_of(home.root) == []
    assert {head: set(roles) for head, roles in aliases.read_aliases(home.bundles).items()} == {
        "click": {"challenger"},
        "conversion": {"challenger"},
    }

    for step in ("build", "validate", "publish"):
        direct(placard, elsewhere, "features", step, "--partition", str(DAY))
    assert content_hash(home) == content_hash(elsewhere)
