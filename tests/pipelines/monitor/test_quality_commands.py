from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest
import typer
from typer.testing import CliRunner, Result

import serving.eventlog.opening
from feature_repo.home import Home
from pipelines.cli import quality, shadow
from serving.eventlog.log import EventLog

DAY = date(2026, 3, 9)
Run = Callable[..., Result]


@pytest.fixture
def run(home: Home, eventlog: EventLog, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    monkeypatch.setattr(serving.eventlog.opening, "_open", lambda settings: eventlog)
    app = typer.Typer()
    quality.register(app)
    shadow.register(app)
    return lambda *argv: CliRunner().invoke(app, [*map(str, argv)])


@pytest.mark.parametrize("what", ["drift", "calibration", "skew"])
def test_a_report_is_one_object_with_figures_and_a_page(what: str, run: Run, home: Home, publish: Callable[..., None]) -> None:
    publish(DAY)
    result = run("quality", what, "--partition", DAY, "--json")
    assert result.exit_code == 0, result.stderr
    plain = json.loads(result.stdout)
    assert plain["name"] == what and plain["setup"]["partition"] == str(DAY)
    assert all(set(f) == {"name", "value", "unit", "target", "holds"} for f in plain["figures"])
    assert json.loads((home.reports / what / f"{DAY}.json").read_text())["figures"] == plain["figures"]
    assert (home.reports / what / f"{DAY}.html").read_text().startswith("<!doctype html>")
    assert what in run("quality", what, "--partition", DAY).stdout


def test_drift_of_an_unpublished_day_says_what_to_do(run: Run) -> None:
    result = run("quality", "drift", "--partition", DAY)
    assert result.exit_code == 4 and "features publish" in result.stderr


def test_a_shadow_without_scores_is_held(run: Run, home: Home) -> None:
    for verb in ("report", "decide"):
        plain = json.loads(run("shadow", verb, "--partition", DAY, "--json").stdout)
        assert plain["verdict"] == "hold" and plain["reasons"]
    assert plain["applied"] is False
    assert "hold" in run("shadow", "decide", "--partition", DAY).stdout


def test_a_bad_day_is_named(run: Run) -> None:
    result = run("shadow", "report", "--partition", "tomorrow")
    assert result.exit_code == 2 and "YYYY-MM-DD" in result.stderr


def test_a_platform_that_never_served_reads_as_empty(home: Home) -> None:
    from serving.eventlog.opening import served_log
    from serving.settings import Settings

    with served_log(Settings(home_path=home.root)) as log:
        assert log.decision("d1") is None
    assert not home.root.exists()
