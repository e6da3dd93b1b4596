"""Rankers train where what they need is installed; elsewhere the fit is handed over, or refused with the way out."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.rankers import RANKERS
from pipelines.training import fit as fitting
from pipelines.training.fit import fit
from serving.settings import Settings

DEEP = next(name for name, ranker in RANKERS.items() if ranker.needs)
DAY = date(2026, 1, 18)


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is there a dataset, which is judged before anyone is asked."""
    monkeypatch.setattr(fitting, "find_spec", lambda _: None)
    monkeypatch.setattr(fitting, "read", lambda *_: None)
    monkeypatch.setattr(fitting, "refuse_unteachable", lambda _: None)


def settings(tmp_path: Path, command: Path) -> Settings:
    return Settings(PLACARD_HOME=tmp_path, train_command=str(command))


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.usefixtures("without_torch")
def test_the_fit_is_asked_of_the_other_environment(tmp_path: Path) -> None:
    there = script(tmp_path / "placard", f'echo "$@ in $PLACARD_HOME" > {tmp_path}/said')
    with pytest.raises(Missing, match="candidate"):  # this one writes no bundle
        fit(settings(tmp_path, there), "click", DAY, DEEP)
    assert (tmp_path / "said").read_text() == (
        f"train --partition 2026-01-18 --head click --ranker {DEEP} --step fit --json in {tmp_path}\n"
    )


@pytest.mark.usefixtures("without_torch")
@pytest.mark.parametrize(("status", "raised"), [(3, Refused), (4, Missing), (2, PipelineError), (1, PipelineError)])
def test_what_it_ended_with_is_raised(status: int, raised: type[PipelineError], tmp_path: Path) -> None:
    with pytest.raises(raised) as caught:
        fit(settings(tmp_path, script(tmp_path / "placard", f"exit {status}")), "click", DAY, DEEP)
    assert type(caught.value) is raised


@pytest.mark.usefixtures("without_torch")
@pytest.mark.parametrize("command", ["absent/placard", sys.executable])
def test_without_one_the_way_out_is_named(command: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="make train-env"):
        fit(settings(tmp_path, tmp_path / command), "click", DAY, DEEP)


def test_other_families_train_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "find_spec", lambda _: None)
    assert [n for n, r in RANKERS.items() if fitting.is_elsewhere(r)] == [n for n, r in RANKERS.items() if r.needs]


@pytest.mark.parametrize("verb", [["rankers", "--small", "--head", "click", "--json"], ["recall", "--partition", "2026-01-18", "--json"]])
def test_benches_that_need_every_family_run_there_and_nowhere_else(
    verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.cli import bench

    monkeypatch.setattr(bench, "find_spec", lambda _: None)
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path))
    monkeypatch.setenv("PLACARD_TRAIN_COMMAND", str(script(tmp_path / "placard", f'echo "$@" > {tmp_path}/said')))
    assert CliRunner().invoke(app, ["bench", *verb]).exit_code == 0
    said = (tmp_path / "said").read_text().split()
    assert said[:2] == ["bench", verb[0]] and set(verb) <= set(said)
    monkeypatch.setenv("PLACARD_TRAIN_COMMAND", str(tmp_path / "absent"))
    assert CliRunner().invoke(app, ["bench", *verb]).exit_code == Refused.exit_code, "a part of the families is no answer"
