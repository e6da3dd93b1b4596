"""What `placard up` runs beside Airflow: the guard among it, unless it is left out."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner

from feature_repo.home import Home
from pipelines.cli import guard
from pipelines.operations.platform_programs import platform_programs
from serving.settings import Settings


def test_a_guard_watches_every_head_that_has_live_guardrails_unless_it_is_left_out(home: Home) -> None:
    settings = Settings(home_path=home.root)
    programs = platform_programs(settings, 8080, Path("ready"), 5000, guard=True)
    assert list(programs) == ["api", "mlflow", "guard_click", "guard_conversion", "aliases"]
    for head in ("click", "conversion"):
        argv = programs[f"guard_{head}"]
        assert argv[1:4] == ["guard", "--head", head] and float(argv[argv.index("--watch") + 1]) > 0
    assert f"sqlite:///{home.mlflow / 'mlflow.db'}" in programs["mlflow"]
    assert list(platform_programs(settings, 8080, Path("ready"), 5000, guard=False)) == ["api", "mlflow", "aliases"]


def test_an_mlflow_elsewhere_is_not_started(home: Home) -> None:
    settings = Settings(home_path=home.root, mlflow_uri="http://models.example")
    assert list(platform_programs(settings, 8080, Path("ready"), None, guard=True)) == ["api", "guard_click", "guard_conversion", "aliases"]


def test_the_guards_words_are_those_of_its_verb(home: Home) -> None:
    """Typer refuses a word that the verb does not know before it looks at anything."""
    app = typer.Typer()
    guard.register(app)
    words = platform_programs(Settings(home_path=home.root), 0, Path("ready"), None, guard=True)["guard_click"][2:]
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    assert CliRunner().invoke(app, [*words, "--unknown"]).exit_code == 2
